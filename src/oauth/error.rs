//! The one table of OAuth and OpenID Connect error codes: wire name, HTTP status, source.
//!
//! <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>, section 4.1.2.1, and the documents each row names.
//! Covers what this provider sends; does not build responses.

use std::fmt;
use std::time::Duration;

/// An `error` value of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request is malformed, lacks a parameter or repeats one.
    InvalidRequest,
    /// Client authentication failed.
    InvalidClient,
    /// The code or refresh token is unknown, expired, revoked, or not this client's.
    InvalidGrant,
    /// The client may not use this grant or endpoint.
    UnauthorizedClient,
    /// The grant type is not offered here.
    UnsupportedGrantType,
    /// The scope is unknown, malformed or beyond what was granted.
    InvalidScope,
    /// The person or the provider refused.
    AccessDenied,
    /// Only `response_type=code` is offered.
    UnsupportedResponseType,
    /// A fault on our side.
    ServerError,
    /// A dependency is down or the provider is overloaded.
    TemporarilyUnavailable,
    /// The access token is missing, expired, revoked or malformed.
    InvalidToken,
    /// The access token lacks the scope of this resource.
    InsufficientScope,
    /// The `request_uri` is unknown, expired, used, or another client's.
    InvalidRequestUri,
    /// The request object is not acceptable.
    InvalidRequestObject,
    /// `request` is not supported.
    RequestNotSupported,
    /// This kind of `request_uri` is not supported.
    RequestUriNotSupported,
    /// `registration` is not supported.
    RegistrationNotSupported,
    /// `prompt=none`, and the person is not signed in.
    LoginRequired,
    /// `prompt=none`, and consent is missing.
    ConsentRequired,
    /// `prompt=none`, and a page is needed.
    InteractionRequired,
    /// `prompt=none`, and several accounts are signed in.
    AccountSelectionRequired,
    /// The essential `acr` cannot be reached.
    UnmetAuthenticationRequirements,
    /// The `DPoP` proof is missing or wrong. At resource endpoints the status is 401.
    InvalidDpopProof,
    /// The `DPoP` proof needs the nonce sent with this answer. At resource endpoints the status is 401.
    UseDpopNonce,
    /// The `resource` is not one a token can be issued for.
    InvalidTarget,
    /// The redirect URI of a registration is not acceptable.
    InvalidRedirectUri,
    /// Too many requests; wait before the next one.
    SlowDown,
}

impl ErrorCode {
    /// Every code, in the order of the table.
    pub const ALL: [Self; 27] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::AccessDenied,
        Self::UnsupportedResponseType,
        Self::ServerError,
        Self::TemporarilyUnavailable,
        Self::InvalidToken,
        Self::InsufficientScope,
        Self::InvalidRequestUri,
        Self::InvalidRequestObject,
        Self::RequestNotSupported,
        Self::RequestUriNotSupported,
        Self::RegistrationNotSupported,
        Self::LoginRequired,
        Self::ConsentRequired,
        Self::InteractionRequired,
        Self::AccountSelectionRequired,
        Self::UnmetAuthenticationRequirements,
        Self::InvalidDpopProof,
        Self::UseDpopNonce,
        Self::InvalidTarget,
        Self::InvalidRedirectUri,
        Self::SlowDown,
    ];

    /// The `error` value as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status at endpoints that answer JSON.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// The document and section that define the code.
    #[must_use]
    pub const fn section(self) -> &'static str {
        self.row().2
    }

    const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::InvalidRequest => ("invalid_request", 400, "RFC 6749 5.2"),
            Self::InvalidClient => ("invalid_client", 401, "RFC 6749 5.2"),
            Self::InvalidGrant => ("invalid_grant", 400, "RFC 6749 5.2"),
            Self::UnauthorizedClient => ("unauthorized_client", 400, "RFC 6749 5.2"),
            Self::UnsupportedGrantType => ("unsupported_grant_type", 400, "RFC 6749 5.2"),
            Self::InvalidScope => ("invalid_scope", 400, "RFC 6749 5.2"),
            Self::AccessDenied => ("access_denied", 400, "RFC 6749 4.1.2.1"),
            Self::UnsupportedResponseType => ("unsupported_response_type", 400, "RFC 6749 4.1.2.1"),
            Self::ServerError => ("server_error", 500, "RFC 6749 4.1.2.1"),
            Self::TemporarilyUnavailable => ("temporarily_unavailable", 503, "RFC 6749 4.1.2.1"),
            Self::InvalidToken => ("invalid_token", 401, "RFC 6750 3.1"),
            Self::InsufficientScope => ("insufficient_scope", 403, "RFC 6750 3.1"),
            Self::InvalidRequestUri => ("invalid_request_uri", 400, "RFC 9101 7"),
            Self::InvalidRequestObject => ("invalid_request_object", 400, "RFC 9101 7"),
            Self::RequestNotSupported => ("request_not_supported", 400, "RFC 9101 7"),
            Self::RequestUriNotSupported => ("request_uri_not_supported", 400, "RFC 9101 7"),
            Self::RegistrationNotSupported => ("registration_not_supported", 400, "OIDC Core 3.1.2.6"),
            Self::LoginRequired => ("login_required", 400, "OIDC Core 3.1.2.6"),
            Self::ConsentRequired => ("consent_required", 400, "OIDC Core 3.1.2.6"),
            Self::InteractionRequired => ("interaction_required", 400, "OIDC Core 3.1.2.6"),
            Self::AccountSelectionRequired => ("account_selection_required", 400, "OIDC Core 3.1.2.6"),
            Self::UnmetAuthenticationRequirements => {
                ("unmet_authentication_requirements", 400, "OIDC Unmet Authentication Requirements 1.0 2")
            }
            Self::InvalidDpopProof => ("invalid_dpop_proof", 400, "RFC 9449 5"),
            Self::UseDpopNonce => ("use_dpop_nonce", 400, "RFC 9449 8"),
            Self::InvalidTarget => ("invalid_target", 400, "RFC 8707 2"),
            Self::InvalidRedirectUri => ("invalid_redirect_uri", 400, "RFC 7591 3.2.2"),
            Self::SlowDown => ("slow_down", 429, "RFC 6585 4"),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A limit of load that a request can meet once it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadLimit {
    /// Requests of one client.
    Client,
    /// Authorization requests that are kept of one source.
    Kept,
}

impl LoadLimit {
    /// Its word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Kept => "kept",
        }
    }
}

/// A refusal: what the other side is told, and what the log is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {public}")]
pub struct OAuthError {
    /// The `error` value.
    pub code: ErrorCode,
    /// The `error_description`: never reflects input; only characters RFC 6749 5.2 allows.
    pub public: &'static str,
    /// Detail for the log only; no secret and no identity number.
    pub internal: String,
    /// After how long trying again makes sense, where that is known (RFC 9110 10.2.3).
    pub retry_after: Option<Duration>,
    /// The limit that was met, when it is refused for load.
    pub limit: Option<LoadLimit>,
}

impl OAuthError {
    /// A refusal with a public text and no further detail.
    #[must_use]
    pub const fn new(code: ErrorCode, public: &'static str) -> Self {
        Self { code, public, internal: String::new(), retry_after: None, limit: None }
    }

    /// The same refusal with detail for the log.
    #[must_use]
    pub fn with_internal(mut self, internal: impl Into<String>) -> Self {
        self.internal = internal.into();
        self
    }

    /// A refusal for load (RFC 6585 4).
    #[must_use]
    pub const fn over(limit: LoadLimit, public: &'static str) -> Self {
        let mut refusal = Self::new(ErrorCode::SlowDown, public);
        refusal.limit = Some(limit);
        refusal
    }

    /// The same refusal, which ends by itself after `wait`.
    #[must_use]
    pub const fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}
