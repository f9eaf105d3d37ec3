//! Access tokens in JWT form: what they say.
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc9068>. Covers 2.1 (header), 2.2 (claims), with `cnf` of RFC 9449 6.1.
//! Signing is the caller's. Nothing about the person beyond the pairwise subject is in the token (6).

use serde_json::{Map, Value, json};

use crate::base::{ClientId, Sid, UnixTime};
use crate::jose::{Algorithm, Thumbprint};
use crate::oauth::ScopeSet;

/// What goes into one access token.
#[derive(Clone, Debug)]
pub struct AccessTokenContent<'a> {
    /// The issuer, byte for byte as in the metadata.
    pub issuer: &'a str,
    /// The pairwise subject; the client itself where no person is involved (RFC 9068 2.2).
    pub subject: &'a str,
    /// The client it is issued to.
    pub client_id: &'a ClientId,
    /// The one resource it is for.
    pub audience: &'a str,
    /// What it allows.
    pub scope: &'a ScopeSet,
    /// Its unique name.
    pub jti: &'a str,
    /// When it is issued.
    pub iat: UnixTime,
    /// When it ends.
    pub exp: UnixTime,
    /// When the person signed in; none where no person is involved (2.2.1).
    pub auth_time: Option<UnixTime>,
    /// The level reached (2.2.1).
    pub acr: Option<&'a str>,
    /// The session it belongs to.
    pub sid: Option<Sid>,
    /// The `DPoP` key it is bound to (RFC 9449 6.1).
    pub jkt: Option<Thumbprint>,
    /// Who acts for the subject (RFC 8693 4.1), and in which quality; empty where the subject acts.
    pub acting: &'a Map<String, Value>,
}

/// The protected header (RFC 9068 2.1).
#[must_use]
pub fn access_token_header(algorithm: Algorithm, kid: &str) -> Value {
    json!({ "alg": algorithm.as_str(), "typ": ACCESS_TOKEN_TYP, "kid": kid })
}

/// The claims (RFC 9068 2.2).
#[must_use]
pub fn access_token_claims(content: &AccessTokenContent<'_>) -> Value {
    let mut claims = content.acting.clone();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", json!(content.issuer));
    set("sub", json!(content.subject));
    set("client_id", json!(content.client_id.as_str()));
    set("aud", json!(content.audience));
    set("jti", json!(content.jti));
    set("iat", json!(content.iat.secs()));
    set("exp", json!(content.exp.secs()));
    // 2.2.3: as granted.
    set("scope", json!(content.scope.to_string()));
    if let Some(auth_time) = content.auth_time {
        set("auth_time", json!(auth_time.secs()));
    }
    if let Some(acr) = content.acr {
        set("acr", json!(acr));
    }
    if let Some(sid) = content.sid {
        set("sid", json!(sid.to_string()));
    }
    // RFC 9449 6.1
    if let Some(jkt) = content.jkt {
        set("cnf", json!({ "jkt": jkt.to_string() }));
    }
    Value::Object(claims)
}

/// The `typ` of an access token (RFC 9068 2.1).
pub const ACCESS_TOKEN_TYP: &str = "at+jwt";
