//! Errors of the endpoints that services call (RFC 6749 5.2, RFC 6750 3, RFC 9449 5 and 7). The one responder.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::flow::{FlowError, TurnError};
use crate::oauth::{Challenge, ErrorCode, OAuthError, Scheme};

/// After how long a store may answer again.
pub(super) const USUAL_WAIT: Duration = Duration::from_secs(2);

/// A refusal at a JSON endpoint.
#[derive(Debug)]
pub struct OAuthFailure {
    error: OAuthError,
    status: Option<StatusCode>,
    challenge: Option<String>,
    nonce: Option<String>,
}

impl From<OAuthError> for OAuthFailure {
    fn from(error: OAuthError) -> Self {
        Self { error, status: None, challenge: None, nonce: None }
    }
}

impl From<FlowError> for OAuthFailure {
    fn from(error: FlowError) -> Self {
        error.into_oauth().into()
    }
}

impl OAuthFailure {
    /// A body over the limit (RFC 9126 2.3).
    pub(crate) fn too_large() -> Self {
        let error = OAuthError::new(ErrorCode::InvalidRequest, "the body is too large or was cut");
        Self { status: Some(StatusCode::PAYLOAD_TOO_LARGE), ..Self::from(error) }
    }

    /// With the challenge of a client that tried HTTP Basic (RFC 6749 5.2).
    pub(crate) fn for_basic(mut self, used: bool) -> Self {
        if used && self.error.code == ErrorCode::InvalidClient {
            self.challenge = Some(String::from("Basic realm=\"sceau\", charset=\"UTF-8\""));
        }
        self
    }

    /// At a protected resource: 401 for every token or proof that is refused, with its challenge (RFC 6750 3.1,
    /// RFC 9449 7.1).
    pub(crate) fn at_resource(mut self, scheme: Scheme) -> Self {
        let code = self.error.code;
        let refused =
            matches!(code, ErrorCode::InvalidToken | ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce);
        if refused || code == ErrorCode::InsufficientScope {
            let challenge = Challenge::new(scheme).error(&self.error);
            let challenge = match scheme {
                Scheme::Dpop => challenge.algorithms("ES256 PS256 EdDSA"),
                Scheme::Bearer => challenge,
            };
            self.challenge = Some(challenge.header());
        }
        if refused {
            self.status = Some(StatusCode::UNAUTHORIZED);
        }
        self
    }

    /// On a page.
    pub(crate) fn into_turn(self) -> TurnError {
        TurnError::Request(self.error.into())
    }

    /// With a nonce for the next proof (RFC 9449 8.2).
    pub(crate) fn with_nonce(mut self, nonce: Option<String>) -> Self {
        self.nonce = nonce;
        self
    }
}

impl IntoResponse for OAuthFailure {
    fn into_response(self) -> Response {
        let code = self.error.code;
        count_limit(&self.error);
        if self.error.internal.is_empty() {
            tracing::debug!(error = code.as_str(), "refused");
        } else if code.status() >= 500 {
            tracing::error!(error = code.as_str(), reason = self.error.internal, "failed");
        } else {
            tracing::warn!(error = code.as_str(), reason = self.error.internal, "refused");
        }
        let status = self.status.or_else(|| StatusCode::from_u16(code.status()).ok());
        let status = status.unwrap_or(StatusCode::BAD_REQUEST);
        let body = json!({ "error": code.as_str(), "error_description": self.error.public });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(nonce) = self.nonce.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert("dpop-nonce", nonce);
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, retry_after(self.error.retry_after));
        }
        response
    }
}

/// Counts what is refused for load beyond the guard.
pub(super) fn count_limit(error: &OAuthError) {
    if let Some(limit) = error.limit {
        metrics::counter!("sceau_http_shed_total", "class" => limit.as_str()).increment(1);
    }
}

pub(super) fn retry_after(wait: Option<Duration>) -> HeaderValue {
    HeaderValue::from(whole_seconds(wait.unwrap_or(USUAL_WAIT)))
}

/// One at least, and never before the end (RFC 9110 10.2.3).
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}
