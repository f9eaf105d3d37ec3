//! The header of an encrypted token (RFC 7516 4, RFC 7518 4.6.1), read before anything is decrypted.

use serde_json::{Map, Value};

use super::rfc7516_jwe::A256GCM;
use super::rfc7517_jwk::parse_kid;
use super::{JsonCaps, JweError, Jwk, JwkError, KeyManagement, P256Key, PublicKey, parse_strict};
use crate::base::from_base64url;

/// Header members that are never obeyed and so never tolerated.
const FORBIDDEN: [&str; 9] = ["crit", "zip", "b64", "jku", "jwk", "x5u", "x5c", "p2s", "p2c"];
/// Length of a `cty`, and of `apu` and `apv` once decoded, in bytes.
const MAX_TEXT: usize = 256;
/// A header that was checked. It is authenticated only once the token decrypts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JweHeader {
    /// Key management (RFC 7516 4.1.1).
    pub alg: KeyManagement,
    /// Identifier of the recipient's key (4.1.6); good for looking up in a set only.
    pub kid: Option<String>,
    /// Type of what is inside (4.1.12).
    pub cty: Option<String>,
    /// The producer's ephemeral key (RFC 7518 4.6.1.1), present if and only if keys are agreed.
    pub(super) epk: Option<P256Key>,
    pub(super) apu: Vec<u8>,
    pub(super) apv: Vec<u8>,
}

impl JweHeader {
    /// Whether a token is inside (RFC 7519 5.2).
    #[must_use]
    pub fn is_nested(&self) -> bool {
        self.cty
            .as_deref()
            .is_some_and(|cty| cty.eq_ignore_ascii_case("JWT") || cty.eq_ignore_ascii_case("application/jwt"))
    }
}

pub(super) fn parse_header(json: &[u8]) -> Result<JweHeader, JweError> {
    let json = parse_strict(json, JsonCaps::JOSE).map_err(JweError::HeaderJson)?;
    let members = json.as_object().ok_or(JweError::Header("header"))?;
    if let Some(name) = FORBIDDEN.iter().find(|name| members.contains_key(**name)) {
        return Err(JweError::Forbidden(name));
    }
    let alg = members.get("alg").and_then(Value::as_str).ok_or(JweError::Header("alg"))?;
    let alg: KeyManagement = alg.parse().map_err(|_| JweError::UnknownAlgorithm)?;
    let enc = members.get("enc").and_then(Value::as_str).ok_or(JweError::Header("enc"))?;
    if enc != A256GCM {
        return Err(JweError::UnknownEncryption);
    }
    let kid = parse_kid(members.get("kid")).map_err(|()| JweError::Header("kid"))?;
    let cty = match members.get("cty") {
        None => None,
        Some(Value::String(cty)) if cty.len() <= MAX_TEXT => Some(cty.clone()),
        Some(_) => return Err(JweError::Header("cty")),
    };
    let epk = match (members.get("epk"), alg) {
        (None, KeyManagement::EcdhEs) => return Err(JweError::Header("epk")), // RFC 7518 4.6.1.1
        (epk, KeyManagement::EcdhEs) => epk.map(ephemeral).transpose()?,
        (Some(_), _) => return Err(JweError::Forbidden("epk")),
        (None, _) => None,
    };
    let (apu, apv) = (party(members, "apu")?, party(members, "apv")?);
    Ok(JweHeader { alg, kid, cty, epk, apu, apv })
}

/// RFC 7518 4.6.1.1: a public key, on our curve and truly on it.
fn ephemeral(json: &Value) -> Result<P256Key, JweError> {
    match Jwk::parse(json).map_err(JweError::EphemeralKey)?.key {
        PublicKey::P256(key) => Ok(key),
        PublicKey::Rsa(_) | PublicKey::Ed25519(_) => {
            Err(JweError::EphemeralKey(JwkError::Unsupported("kty")))
        }
    }
}

fn party(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JweError> {
    let Some(value) = members.get(name) else { return Ok(Vec::new()) };
    let text = value.as_str().ok_or(JweError::Header(name))?;
    from_base64url(text).ok().filter(|bytes| bytes.len() <= MAX_TEXT).ok_or(JweError::Header(name))
}
