//! Signed tokens in compact form (RFC 7515 3.1, 4, 5, 7.1; RFC 7519 7; RFC 8725 3).
//!
//! Only the compact serialization is read. Header extensions (`crit`, `b64`), compression, and keys by reference
//! or certificate (`jku`, `x5u`, `x5c`) are refused by name; `jwk` is accepted only where the caller asks for it.

use serde_json::{Map, Value};

use super::rfc7517_jwk::parse_kid;
use super::{Algorithm, JsonCaps, Jwk, JwkError, PublicKey, SignatureError, StrictJsonError, parse_strict};
use crate::base::{base64url, from_base64url};

/// Header members that are never obeyed and so never tolerated.
const FORBIDDEN: [&str; 6] = ["crit", "b64", "zip", "jku", "x5u", "x5c"];
/// Length of a `typ`, in bytes.
const MAX_TYP: usize = 64;

/// A header that was checked, but not yet authenticated unless it comes from [`Verified`] (RFC 7515 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm (4.1.1).
    pub alg: Algorithm,
    /// The type of the token (4.1.9), compared by [`super::check_typ`].
    pub typ: Option<String>,
    /// Identifier of the key (4.1.4); good for looking up in a set only.
    pub kid: Option<String>,
    /// The key itself (4.1.3), from [`Unverified::parse_with_embedded_key`] only.
    pub jwk: Option<Jwk>,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than the caller accepts.
    #[error("token too long")]
    TooLong,
    /// Not three non-empty segments of unpadded base64url (RFC 7515 7.1).
    #[error("not a compact token")]
    NotCompact,
    /// The header is not the JSON it should be.
    #[error("token header: {0}")]
    HeaderJson(StrictJsonError),
    /// This header member is absent or of the wrong type.
    #[error("malformed token header {0}")]
    Header(&'static str),
    /// This header member is not accepted.
    #[error("token header {0} is not accepted")]
    Forbidden(&'static str),
    /// `none`, a symmetric algorithm or one that is not supported.
    #[error("token algorithm is not supported")]
    UnknownAlgorithm,
    /// The key in the header is refused.
    #[error("token key: {0}")]
    Jwk(JwkError),
    /// The payload is not the JSON it should be.
    #[error("token claims: {0}")]
    ClaimsJson(StrictJsonError),
    /// The payload is not an object (RFC 7519 7.2).
    #[error("token claims are not an object")]
    ClaimsNotObject,
    /// The caller does not accept this algorithm here (RFC 8725 3.1).
    #[error("token algorithm is not allowed here")]
    AlgorithmNotAllowed,
    /// The signature is refused.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// A compact token over any payload (RFC 7515 7.1), for what is not a set of claims.
#[derive(Clone, Debug)]
pub struct CompactJws {
    header: Header,
    signing_input: String,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A token of claims whose signature was not verified yet.
#[derive(Clone, Debug)]
pub struct Unverified {
    jws: CompactJws,
    claims: Value,
}

/// A token of claims whose signature holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The authenticated header.
    pub header: Header,
    /// The authenticated claims; what they say is still to be checked.
    pub claims: Map<String, Value>,
}

impl CompactJws {
    /// Reads `token`, of at most `max_bytes`, without verifying it.
    ///
    /// # Errors
    /// [`JwsError`] for its form or its header.
    pub fn parse(token: &str, max_bytes: usize) -> Result<Self, JwsError> {
        Self::read(token, max_bytes, EmbeddedKey::Refused)
    }

    fn read(token: &str, max_bytes: usize, embedded: EmbeddedKey) -> Result<Self, JwsError> {
        if token.len() > max_bytes {
            return Err(JwsError::TooLong);
        }
        let mut segments = token.splitn(4, '.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(JwsError::NotCompact);
        };
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(JwsError::NotCompact);
        }
        let decode = |segment| from_base64url(segment).map_err(|_| JwsError::NotCompact);
        Ok(Self {
            signing_input: format!("{header}.{payload}"),
            header: parse_header(&decode(header)?, embedded)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// The unauthenticated header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The payload, if `key` signed it with one of the `allowed` algorithms (RFC 7515 5.2, RFC 8725 3.1).
    ///
    /// # Errors
    /// [`JwsError::AlgorithmNotAllowed`] or [`JwsError::Signature`].
    pub fn verify(self, key: &PublicKey, allowed: &[Algorithm]) -> Result<Vec<u8>, JwsError> {
        self.check(key, allowed)?;
        Ok(self.payload)
    }

    fn check(&self, key: &PublicKey, allowed: &[Algorithm]) -> Result<(), JwsError> {
        if !allowed.contains(&self.header.alg) {
            return Err(JwsError::AlgorithmNotAllowed);
        }
        Ok(key.verify(self.header.alg, self.signing_input.as_bytes(), &self.signature)?)
    }
}

impl Unverified {
    /// Reads a token of claims of at most `max_bytes`, without verifying it. A key in its header is refused.
    ///
    /// # Errors
    /// [`JwsError`] for its form, its header or its claims.
    pub fn parse(token: &str, max_bytes: usize) -> Result<Self, JwsError> {
        Self::with_claims(CompactJws::read(token, max_bytes, EmbeddedKey::Refused)?)
    }

    /// The same for a token that brings its own key, as a `DPoP` proof does (RFC 9449 4.2): `jwk` is required.
    /// Who holds that key is for the caller to say.
    ///
    /// # Errors
    /// [`JwsError`] for its form, its header, its key or its claims.
    pub fn parse_with_embedded_key(token: &str, max_bytes: usize) -> Result<Self, JwsError> {
        Self::with_claims(CompactJws::read(token, max_bytes, EmbeddedKey::Required)?)
    }

    fn with_claims(jws: CompactJws) -> Result<Self, JwsError> {
        let claims = parse_strict(&jws.payload, JsonCaps::CLAIMS).map_err(JwsError::ClaimsJson)?;
        if claims.is_object() { Ok(Self { jws, claims }) } else { Err(JwsError::ClaimsNotObject) }
    }

    /// The unauthenticated header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.jws.header
    }

    /// The unauthenticated claims, for finding out whose key to verify with and nothing else.
    #[must_use]
    pub const fn claims(&self) -> &Value {
        &self.claims
    }

    /// The token, if `key` signed it with one of the `allowed` algorithms (RFC 7515 5.2, RFC 8725 3.1).
    ///
    /// # Errors
    /// [`JwsError::AlgorithmNotAllowed`] or [`JwsError::Signature`].
    pub fn verify(self, key: &PublicKey, allowed: &[Algorithm]) -> Result<Verified, JwsError> {
        self.jws.check(key, allowed)?;
        let Value::Object(claims) = self.claims else { return Err(JwsError::ClaimsNotObject) };
        Ok(Verified { header: self.jws.header, claims })
    }
}

/// What to sign: both parts encoded and joined by a period (RFC 7515 5.1 steps 2 to 5).
#[must_use]
pub fn signing_input(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()))
}

/// The compact token of a signed input (RFC 7515 5.1 steps 6 to 8).
#[must_use]
pub fn compact(mut signing_input: String, signature: &[u8]) -> String {
    signing_input.push('.');
    signing_input.push_str(&base64url(signature));
    signing_input
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EmbeddedKey {
    Refused,
    Required,
}

fn parse_header(json: &[u8], embedded: EmbeddedKey) -> Result<Header, JwsError> {
    let json = parse_strict(json, JsonCaps::JOSE).map_err(JwsError::HeaderJson)?;
    let members = json.as_object().ok_or(JwsError::Header("header"))?;
    if let Some(name) = FORBIDDEN.iter().find(|name| members.contains_key(**name)) {
        return Err(JwsError::Forbidden(name));
    }
    let jwk = match (members.get("jwk"), embedded) {
        (Some(_), EmbeddedKey::Refused) => return Err(JwsError::Forbidden("jwk")),
        (None, EmbeddedKey::Required) => return Err(JwsError::Header("jwk")),
        (jwk, _) => jwk.map(Jwk::parse).transpose().map_err(JwsError::Jwk)?,
    };
    let alg = members.get("alg").and_then(Value::as_str).ok_or(JwsError::Header("alg"))?;
    Ok(Header {
        alg: alg.parse().map_err(|_| JwsError::UnknownAlgorithm)?,
        typ: parse_typ(members.get("typ"))?,
        kid: parse_kid(members.get("kid")).map_err(|()| JwsError::Header("kid"))?,
        jwk,
    })
}

fn parse_typ(value: Option<&Value>) -> Result<Option<String>, JwsError> {
    let Some(value) = value else { return Ok(None) };
    match value.as_str() {
        Some(typ) if typ.len() <= MAX_TYP && typ.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(typ.to_owned()))
        }
        _ => Err(JwsError::Header("typ")),
    }
}
