//! Identity providers above us (`OpenID Connect Core` 3.1, 5.3; RP-Initiated Logout 2; RFC 9207), as a relying party
//! meets them. What an answer must satisfy is checked behind this line; what it means is decided before it.

use async_trait::async_trait;
use serde_json::{Map, Value};
use url::Url;

use crate::base::Secret;
use crate::federation::{ProviderId, UpstreamProvider};

/// A login to send a browser to. The three secrets are fresh, and the browser's own.
#[derive(Clone, Debug)]
pub struct UpstreamRequest {
    /// Which provider.
    pub provider: ProviderId,
    /// Where its answer goes: one address per provider (RFC 9700 4.4.2.2).
    pub redirect_uri: String,
    /// Repeated by the answer.
    pub state: Secret,
    /// Repeated by the ID token.
    pub nonce: Secret,
    /// Of PKCE (RFC 7636 4.1).
    pub code_verifier: Secret,
    /// The levels wanted; empty for all that were agreed.
    pub acr_values: Vec<String>,
    /// Whether the person must sign in anew (`prompt=login`).
    pub login: bool,
    /// Language of the pages, such as `fr`.
    pub ui_locale: Option<String>,
}

/// What the browser brought back, beside what was kept for it. Whether `state` is the browser's was checked before.
#[derive(Clone, Debug)]
pub struct UpstreamCallback {
    /// The provider the browser was sent to.
    pub provider: ProviderId,
    /// The address given in the request.
    pub redirect_uri: String,
    /// The authorization code.
    pub code: Secret,
    /// `iss` of the answer (RFC 9207 2).
    pub iss: Option<String>,
    /// The nonce of the request.
    pub nonce: Secret,
    /// The verifier of the request.
    pub code_verifier: Secret,
}

/// A login that passed every check of form, signature and binding. `acr` is passed through as it was given.
#[derive(Clone)]
pub struct UpstreamAnswer {
    /// The issuer, as agreed and as signed.
    pub issuer: String,
    /// Claims of the ID token.
    pub id_token: Map<String, Value>,
    /// Claims of userinfo; `sub` is the same.
    pub userinfo: Map<String, Value>,
    /// The ID token, decrypted and still signed, for logout.
    pub id_token_hint: Secret,
}

impl std::fmt::Debug for UpstreamAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamAnswer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A session to end there too.
#[derive(Clone, Debug)]
pub struct UpstreamLogout {
    /// Which provider.
    pub provider: ProviderId,
    /// [`UpstreamAnswer::id_token_hint`] of the login.
    pub id_token_hint: Secret,
    /// Repeated when the browser comes back.
    pub state: Secret,
    /// Where it comes back.
    pub post_logout_redirect_uri: String,
}

/// Why there is no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// The provider, or a store of ours, does not answer: later it may.
    #[error("the identity provider is unavailable: {0}")]
    Unavailable(UpstreamOutage),
    /// The answer was refused: the same answer always will be.
    #[error("the identity provider's answer is refused: {0}")]
    Refused(UpstreamRefusal),
}

/// What did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamOutage {
    /// No connection, or one that was cut.
    Unreachable,
    /// Not within the time of one login.
    TimedOut,
    /// A status of 500 or more, or 429.
    ServerError,
    /// It failed several times in a row: not asked again yet.
    CircuitOpen,
    /// Our own keys cannot be read.
    OwnKeys,
}

/// Which check an answer failed: one word each, never a value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamRefusal {
    /// No such provider in the settings.
    UnknownProvider,
    /// A level that was not agreed.
    AcrNotAgreed,
    /// The answer was not what such an endpoint gives: a status below 500.
    Status,
    /// A redirection.
    Redirected,
    /// HTML, or another type than asked.
    ContentType,
    /// A body in an encoding nobody asked for.
    ContentEncoding,
    /// A body beyond the limit.
    TooLong,
    /// Metadata that are not the JSON they should be.
    Metadata,
    /// Metadata of another issuer (`OpenID Connect Discovery` 4.3).
    MetadataIssuer,
    /// An endpoint that is not of the issuer's own origin.
    MetadataEndpoint,
    /// A key set that is malformed, too large, ambiguous, or holds private keys.
    KeySet,
    /// `iss` of the callback is another provider's (RFC 9207 2.4).
    CallbackIssuer,
    /// `iss` of the callback is absent though the provider sends it.
    CallbackIssuerMissing,
    /// The code was refused (`invalid_grant`).
    CodeRefused,
    /// We were refused (`invalid_client`).
    ClientRefused,
    /// Another error of the token endpoint.
    TokenError,
    /// A token answer that is not the JSON it should be.
    TokenAnswer,
    /// Not a bearer token.
    TokenType,
    /// No ID token.
    NoIdToken,
    /// An ID token in clear where an encrypted one was agreed.
    NotEncrypted,
    /// An encrypted ID token where none was agreed.
    Encrypted,
    /// It does not decrypt, or was encrypted otherwise than agreed.
    Undecryptable,
    /// Not a signed token of such a form; `none`, too.
    Malformed,
    /// A signature algorithm that was not agreed; HS256, too.
    Algorithm,
    /// Signed by a key that its set does not hold.
    UnknownKey,
    /// The signature does not hold.
    Signature,
    /// A token of another kind.
    Type,
    /// `iss` of the ID token.
    Issuer,
    /// `aud`: not us, or not us alone.
    Audience,
    /// `azp` is not us.
    AuthorizedParty,
    /// `nonce` absent or not the browser's.
    Nonce,
    /// Past `exp`, or without one.
    Expired,
    /// `iat` in the future or absent, or before `nbf`.
    IssuedInFuture,
    /// `at_hash` is of another access token.
    AccessTokenHash,
    /// `sub` absent or unusable.
    Subject,
    /// Userinfo without signature where a signed one was agreed.
    UserinfoUnsigned,
    /// Userinfo in clear where an encrypted one was agreed, or the reverse.
    UserinfoEncryption,
    /// Userinfo that is not the JSON it should be.
    UserinfoMalformed,
    /// Userinfo of another issuer.
    UserinfoIssuer,
    /// Userinfo for another client.
    UserinfoAudience,
    /// Userinfo about another person (`OpenID Connect Core` 5.3.2).
    UserinfoSubject,
    /// Userinfo signed by a key or algorithm that is not the provider's.
    UserinfoSignature,
    /// Userinfo past its `exp`.
    UserinfoExpired,
}

impl UpstreamOutage {
    /// The machine word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::ServerError => "server_error",
            Self::CircuitOpen => "circuit_open",
            Self::OwnKeys => "own_keys",
        }
    }
}

impl UpstreamRefusal {
    /// The machine word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown_provider",
            Self::AcrNotAgreed => "acr_not_agreed",
            Self::Status => "status",
            Self::Redirected => "redirected",
            Self::ContentType => "content_type",
            Self::ContentEncoding => "content_encoding",
            Self::TooLong => "too_long",
            Self::Metadata => "metadata",
            Self::MetadataIssuer => "metadata_issuer",
            Self::MetadataEndpoint => "metadata_endpoint",
            Self::KeySet => "key_set",
            Self::CallbackIssuer => "callback_issuer",
            Self::CallbackIssuerMissing => "callback_issuer_missing",
            Self::CodeRefused => "code_refused",
            Self::ClientRefused => "client_refused",
            Self::TokenError => "token_error",
            Self::TokenAnswer => "token_answer",
            Self::TokenType => "token_type",
            Self::NoIdToken => "no_id_token",
            Self::NotEncrypted => "not_encrypted",
            Self::Encrypted => "encrypted",
            Self::Undecryptable => "undecryptable",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Type => "type",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::AuthorizedParty => "authorized_party",
            Self::Nonce => "nonce",
            Self::Expired => "expired",
            Self::IssuedInFuture => "issued_in_future",
            Self::AccessTokenHash => "access_token_hash",
            Self::Subject => "subject",
            Self::UserinfoUnsigned => "userinfo_unsigned",
            Self::UserinfoEncryption => "userinfo_encryption",
            Self::UserinfoMalformed => "userinfo_malformed",
            Self::UserinfoIssuer => "userinfo_issuer",
            Self::UserinfoAudience => "userinfo_audience",
            Self::UserinfoSubject => "userinfo_subject",
            Self::UserinfoSignature => "userinfo_signature",
            Self::UserinfoExpired => "userinfo_expired",
        }
    }
}

impl std::fmt::Display for UpstreamOutage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Display for UpstreamRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<UpstreamOutage> for UpstreamError {
    fn from(outage: UpstreamOutage) -> Self {
        Self::Unavailable(outage)
    }
}

impl From<UpstreamRefusal> for UpstreamError {
    fn from(refusal: UpstreamRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The providers of the settings.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// The providers, in the order of the settings.
    fn providers(&self) -> Vec<&UpstreamProvider>;
    /// Where to send the browser.
    async fn authorization_url(&self, request: &UpstreamRequest) -> Result<Url, UpstreamError>;
    /// Redeems the code of a callback and verifies what comes for it.
    async fn redeem(&self, callback: &UpstreamCallback) -> Result<UpstreamAnswer, UpstreamError>;
    /// Where to send the browser to sign out there; none when the provider has no such place.
    async fn logout_url(&self, logout: &UpstreamLogout) -> Result<Option<Url>, UpstreamError>;
}
