//! Token introspection: the request and the answer.
//!
//! <https://www.rfc-editor.org/rfc/rfc7662>: 2.1 (request), 2.2 (answer; one body for everything that is not active),
//! RFC 9449 6.2 (`cnf`, `token_type`). The members beyond the RFC are those of Pro Santé Connect, whose services read
//! them. Does not authenticate the caller nor look anything up.

use serde_json::{Map, Value, json};

use super::error::OAuthError;
use super::params::RawParams;
use super::rfc6749_token::TokenType;
use super::rfc7009_revocation::TokenTypeHint;
use super::scope::ScopeSet;
use crate::base::{ClientId, Secret, Sid, UnixTime};
use crate::jose::Thumbprint;

/// A request to introspect a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrospectionRequest {
    /// The token, of either kind.
    pub token: Secret,
    /// Where to look first.
    pub hint: Option<TokenTypeHint>,
}

/// Reads the form of an introspection request.
///
/// # Errors
/// `invalid_request`: no token, or a parameter sent twice.
pub fn introspection_request(params: &RawParams) -> Result<IntrospectionRequest, OAuthError> {
    // RFC 6749 3.2
    params.check_unique()?;
    let hint = TokenTypeHint::read(params)?;
    Ok(IntrospectionRequest { token: Secret::new(params.require("token")?.to_owned()), hint })
}

/// Which kind of token is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActiveKind {
    /// An access token, presented in this way.
    Access(TokenType),
    /// A refresh token.
    Refresh,
}

/// What is said about an active token.
#[derive(Clone, Debug)]
pub struct ActiveToken {
    /// Which kind.
    pub kind: ActiveKind,
    /// This provider.
    pub issuer: String,
    /// The subject the token's client knows.
    pub subject: String,
    /// The client it was issued to.
    pub client: ClientId,
    /// For whom it is; none for a refresh token, which is for this provider alone.
    pub audience: Option<String>,
    /// What it allows.
    pub scope: ScopeSet,
    /// Its unique name.
    pub jti: String,
    /// When it was issued.
    pub issued_at: UnixTime,
    /// When it ends unless used.
    pub expires_at: UnixTime,
    /// When the person signed in; none for a token of the client itself.
    pub auth_time: Option<UnixTime>,
    /// The level reached.
    pub acr: Option<String>,
    /// The session.
    pub sid: Option<Sid>,
    /// `nonce` of the authorization request.
    pub nonce: Option<String>,
    /// The key it is bound to (RFC 9449 6.2).
    pub jkt: Option<Thumbprint>,
    /// Claims about the person that the token's scope releases.
    pub person: Map<String, Value>,
    /// Who acts for the subject (RFC 8693 4.1), and in which quality; empty where the subject acts.
    pub acting: Map<String, Value>,
}

impl ActiveToken {
    /// The answer (RFC 7662 2.2).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut answer = Map::new();
        for name in PERSONAL {
            // `SubjectNameID` is for the bearer of an access token (domain 1.6).
            let shown = *name != "SubjectNameID" || matches!(self.kind, ActiveKind::Access(_));
            if let Some(value) = self.person.get(*name).filter(|_| shown) {
                answer.insert((*name).to_owned(), value.clone());
            }
        }
        // RFC 7662 2.2: a name for people to read.
        if let Some(name) = self.person.get("preferred_username") {
            answer.insert("username".to_owned(), name.clone());
        }
        answer.extend(self.acting.clone());
        answer.extend(self.protocol_members());
        Value::Object(answer)
    }

    fn protocol_members(&self) -> impl Iterator<Item = (String, Value)> {
        let (typ, token_type) = match self.kind {
            ActiveKind::Access(scheme) => ("Bearer", Some(scheme.as_str())),
            ActiveKind::Refresh => ("Refresh", None),
        };
        let sid = self.sid.map(|sid| json!(sid.to_string()));
        let members = [
            ("active", Some(json!(true))),
            ("iss", Some(json!(self.issuer))),
            ("sub", Some(json!(self.subject))),
            ("client_id", Some(json!(self.client.as_str()))),
            ("azp", Some(json!(self.client.as_str()))),
            ("scope", Some(json!(self.scope.to_string()))),
            ("jti", Some(json!(self.jti))),
            ("iat", Some(json!(self.issued_at.secs()))),
            ("exp", Some(json!(self.expires_at.secs()))),
            ("typ", Some(json!(typ))),
            // RFC 7662 2.2: as in the token answer, which names the type of access tokens only.
            ("token_type", token_type.map(Value::from)),
            ("aud", self.audience.as_deref().map(Value::from)),
            ("auth_time", self.auth_time.map(|at| json!(at.secs()))),
            ("acr", self.acr.as_deref().map(Value::from)),
            ("sid", sid.clone()),
            ("session_state", sid),
            ("nonce", self.nonce.as_deref().map(Value::from)),
            // RFC 9449 6.2
            ("cnf", self.jkt.map(|jkt| json!({ "jkt": jkt.to_string() }))),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))
    }
}

/// The one answer for unknown, expired, revoked and foreign tokens (RFC 7662 2.2).
#[must_use]
pub fn inactive() -> Value {
    json!({ "active": false })
}

/// Claims about the person that an answer may hold.
const PERSONAL: &[&str] = &["preferred_username", "SubjectNameID", "otherIds", "authMode"];
