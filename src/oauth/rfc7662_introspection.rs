//! Token introspection: the request and the answer.
//!
//! <https://www.rfc-editor.org/rfc/rfc7662>: 2.1 (request), 2.2 (answer; one body for everything that is not active),
//! RFC 9449 6.2 (`cnf`, `token_type`). The members beyond the RFC are those of Pro Santé Connect, whose services read
//! them. Does not authenticate the caller nor look anything up.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
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

impl Serialize for ActiveToken {
    /// The answer (RFC 7662 2.2).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut answer = serializer.serialize_map(None)?;
        for (name, value) in self.personal_members() {
            answer.serialize_entry(name, value)?;
        }
        // What is said of persons never replaces the protocol.
        for (name, value) in self.acting.iter().filter(|(name, _)| !PROTOCOL.contains(&name.as_str())) {
            answer.serialize_entry(name, value)?;
        }
        let (typ, token_type) = match self.kind {
            ActiveKind::Access(scheme) => ("Bearer", Some(scheme.as_str())),
            ActiveKind::Refresh => ("Refresh", None),
        };
        let (scope, sid) = (self.scope.to_string(), self.sid.map(|sid| sid.to_string()));
        answer.serialize_entry("active", &true)?;
        answer.serialize_entry("iat", &self.issued_at.secs())?;
        answer.serialize_entry("exp", &self.expires_at.secs())?;
        let texts = [
            ("iss", Some(self.issuer.as_str())),
            ("sub", Some(&self.subject)),
            ("client_id", Some(self.client.as_str())),
            ("azp", Some(self.client.as_str())),
            ("scope", Some(&scope)),
            ("jti", Some(&self.jti)),
            ("typ", Some(typ)),
            // RFC 7662 2.2: as in the token answer, which names the type of access tokens only.
            ("token_type", token_type),
            ("aud", self.audience.as_deref()),
            ("acr", self.acr.as_deref()),
            ("sid", sid.as_deref()),
            ("session_state", sid.as_deref()),
            ("nonce", self.nonce.as_deref()),
        ];
        for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
            answer.serialize_entry(name, text)?;
        }
        if let Some(at) = self.auth_time {
            answer.serialize_entry("auth_time", &at.secs())?;
        }
        if let Some(jkt) = self.jkt {
            // RFC 9449 6.2
            answer.serialize_entry("cnf", &json!({ "jkt": jkt.to_string() }))?;
        }
        answer.end()
    }
}

impl ActiveToken {
    fn personal_members(&self) -> impl Iterator<Item = (&str, &Value)> {
        // `SubjectNameID` is for the bearer of an access token (domain 1.6).
        let for_bearer = matches!(self.kind, ActiveKind::Access(_));
        let shown = PERSONAL.iter().filter(move |name| **name != "SubjectNameID" || for_bearer);
        let members = shown.filter_map(|name| Some((*name, self.person.get(*name)?)));
        // RFC 7662 2.2: a name for people to read.
        let username = self.person.get("preferred_username").map(|name| ("username", name));
        members.chain(username).filter(|(name, _)| !self.acting.contains_key(*name))
    }
}

/// Of the claims about a person, those that an answer may hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PersonalClaims(pub Map<String, Value>);

impl<'de> Deserialize<'de> for PersonalClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Borrowed from what is read, but for those with escapes.
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
        struct Chosen;
        impl<'de> Visitor<'de> for Chosen {
            type Value = PersonalClaims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("claims")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<PersonalClaims, A::Error> {
                let mut chosen = Map::new();
                while let Some(Name(name)) = all.next_key::<Name<'de>>()? {
                    if PERSONAL.contains(&&*name) {
                        chosen.insert(name.into_owned(), all.next_value()?);
                    } else {
                        all.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(PersonalClaims(chosen))
            }
        }
        deserializer.deserialize_map(Chosen)
    }
}

/// The one answer for unknown, expired, revoked and foreign tokens (RFC 7662 2.2).
#[must_use]
pub fn inactive() -> Value {
    json!({ "active": false })
}

/// Claims about the person that an answer may hold.
const PERSONAL: &[&str] = &["preferred_username", "SubjectNameID", "otherIds", "authMode"];
/// Members that say what the token is, and not of whom.
const PROTOCOL: &[&str] = &[
    "active",
    "iss",
    "sub",
    "client_id",
    "azp",
    "scope",
    "jti",
    "iat",
    "exp",
    "typ",
    "token_type",
    "aud",
    "auth_time",
    "acr",
    "sid",
    "session_state",
    "nonce",
    "cnf",
];
