//! The ID token: what it says, and reading our own back as a hint.
//!
//! Spec: <https://openid.net/specs/openid-connect-core-1_0.html>. Covers 2 (claims), 3.1.3.6 (`at_hash`) and 3.1.2.1
//! (`id_token_hint`). Signing is the caller's: it owns the key.

use aws_lc_rs::digest::{SHA512, digest};
use serde_json::{Map, Value, json};

use crate::base::{ClientId, Secret, Sid, UnixTime, base64url, sha256};
use crate::jose::{Algorithm, Audience, JwkSet, RegisteredClaims, TypRule, Unverified, check_typ};

/// What goes into one ID token.
#[derive(Clone, Debug)]
pub struct IdTokenContent<'a> {
    /// The issuer, byte for byte as in the metadata.
    pub issuer: &'a str,
    /// The pairwise subject.
    pub subject: &'a str,
    /// The one audience.
    pub client_id: &'a ClientId,
    /// When it is issued.
    pub iat: UnixTime,
    /// When it ends.
    pub exp: UnixTime,
    /// When the person last signed in.
    pub auth_time: UnixTime,
    /// The client's `nonce`, returned intact when there was one.
    pub nonce: Option<&'a str>,
    /// The level reached.
    pub acr: &'a str,
    /// How the person signed in (RFC 8176), possibly empty.
    pub amr: &'a [String],
    /// The session at this client, when there is one.
    pub sid: Option<Sid>,
    /// Left half of the hash of the access token issued with it ([`at_hash`]).
    pub at_hash: Option<&'a str>,
    /// Claims about the person; never replaces a claim of the protocol.
    pub extra: Map<String, Value>,
}

/// The claims of an ID token (OpenID Connect Core 2).
#[must_use]
pub fn id_token_claims(content: &IdTokenContent<'_>) -> Value {
    let mut claims = content.extra.clone();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", json!(content.issuer));
    set("sub", json!(content.subject));
    set("aud", json!(content.client_id.as_str()));
    set("iat", json!(content.iat.secs()));
    set("exp", json!(content.exp.secs()));
    set("auth_time", json!(content.auth_time.secs()));
    set("acr", json!(content.acr));
    if !content.amr.is_empty() {
        set("amr", json!(content.amr));
    }
    if let Some(sid) = content.sid {
        set("sid", json!(sid.to_string()));
    }
    if let Some(nonce) = content.nonce {
        set("nonce", json!(nonce));
    }
    if let Some(hash) = content.at_hash {
        set("at_hash", json!(hash));
    }
    Value::Object(claims)
}

/// Left half of the hash of `access_token`, with the hash of the ID token's `algorithm` (OpenID Connect Core 3.1.3.6).
/// Ed25519 has SHA-512 inside, so that is its hash.
#[must_use]
pub fn at_hash(algorithm: Algorithm, access_token: &Secret) -> String {
    let token = access_token.expose().as_bytes();
    match algorithm {
        Algorithm::Es256 | Algorithm::Ps256 | Algorithm::Rs256 => left_half(&sha256(&[token])),
        Algorithm::EdDsa => left_half(digest(&SHA512, token).as_ref()),
    }
}

fn left_half(hash: &[u8]) -> String {
    let (left, _) = hash.split_at(hash.len() / 2);
    base64url(left)
}

/// What an `id_token_hint` says about who is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HintClaims {
    /// The pairwise subject, in the sector of `aud`.
    pub sub: String,
    /// The subject of who authenticated, when that was somebody else on behalf of `sub` (RFC 8693 4.1).
    pub actor: Option<String>,
    /// The session it was issued in.
    pub sid: Option<Sid>,
    /// The client it was issued to.
    pub aud: ClientId,
}

impl HintClaims {
    /// The subject of the person who authenticated, whose the session is.
    #[must_use]
    pub fn authenticated(&self) -> &str {
        self.actor.as_deref().unwrap_or(&self.sub)
    }
}

/// The hint is not an ID token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    /// Not a compact JWS of acceptable size, or its claims have the wrong types (OpenID Connect Core 2).
    #[error("the hint is not a JWT")]
    Malformed,
    /// Another kind of token: access token, logout token (RFC 8725 3.11).
    #[error("the hint is another kind of token")]
    WrongKind,
    /// No key of ours, past or present, verifies it (OpenID Connect Core 3.1.3.7).
    #[error("the hint is not signed by this provider")]
    Signature,
    /// Another issuer (OpenID Connect Core 3.1.3.7).
    #[error("the hint has another issuer")]
    Issuer,
    /// No subject, or not exactly one audience (OpenID Connect Core 2).
    #[error("the hint lacks its subject or its audience")]
    Incomplete,
}

/// Reads an `id_token_hint` (OpenID Connect Core 3.1.2.1). `keys` are all keys that ever signed ID tokens, retired ones
/// too; an expired token is accepted, as 3.1.2.1 and RP-Initiated Logout 2 ask. The caller compares `aud` with the client.
pub fn validate_hint(token: &Secret, keys: &JwkSet, issuer: &str) -> Result<HintClaims, HintError> {
    let unverified = Unverified::parse(token.expose(), MAX_HINT).map_err(|_| HintError::Malformed)?;
    let header = unverified.header();
    // RFC 8725 3.11: an access token or a logout token is never a hint.
    check_typ(header.typ.as_deref(), TypRule::Optional(&[])).map_err(|_| HintError::WrongKind)?;
    let jwk = keys.find(header.kid.as_deref(), header.alg).ok_or(HintError::Signature)?;
    let verified = unverified.verify(&jwk.key, &ALGORITHMS).map_err(|_| HintError::Signature)?;
    // Back-Channel Logout 2.4: this member tells a logout token that has no `typ` of its own.
    if verified.claims.contains_key("events") {
        return Err(HintError::WrongKind);
    }
    let claims = RegisteredClaims::parse(&verified.claims).map_err(|_| HintError::Malformed)?;
    if claims.iss.as_deref() != Some(issuer) {
        return Err(HintError::Issuer);
    }
    let sub = claims.sub.filter(|sub| !sub.is_empty()).ok_or(HintError::Incomplete)?;
    let Audience::One(aud) = claims.aud else { return Err(HintError::Incomplete) };
    let aud = aud.parse().map_err(|_| HintError::Incomplete)?;
    let sid = match verified.claims.get("sid") {
        None => None,
        Some(sid) => Some(sid.as_str().and_then(|sid| sid.parse().ok()).ok_or(HintError::Malformed)?),
    };
    let actor = match verified.claims.get("act") {
        None => None,
        Some(act) => Some(act.get("sub").and_then(Value::as_str).ok_or(HintError::Malformed)?.to_owned()),
    };
    Ok(HintClaims { sub, actor, sid, aud })
}

/// Longest hint read, in bytes.
const MAX_HINT: usize = 8 * 1024;

/// All algorithms with which an ID token was ever signed.
const ALGORITHMS: [Algorithm; 4] = [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256, Algorithm::EdDsa];
