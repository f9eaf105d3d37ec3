//! The refusals of `/mobile/v1`: one table of status, code and text, and the only responder of them.
//!
//! Texts are constants: nothing of a request comes back in an answer.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::flow::{DecideError, DeviceAuthError, EnrolError, FlowError};
use crate::http::extract::BodyError;
use crate::oauth::{DPOP_ALGORITHMS, ErrorCode};

/// Why a phone's call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MobileError {
    /// The proof needs the nonce of this answer (RFC 9449 8).
    UseDpopNonce,
    /// The proof is missing, wrong or used (RFC 9449 4.3).
    InvalidDpopProof,
    /// No active phone has the key.
    InvalidDevice,
    /// The body cannot be read.
    Body(BodyError),
    /// The request is at fault in another way.
    InvalidRequest,
    /// Wrong, unknown, expired or used codes, or an unknown person: one answer.
    InvalidActivationCodes,
    /// An unknown, used or expired ticket: one answer.
    InvalidTicket,
    /// The enrolment or its credential is refused: one answer.
    InvalidAttestation,
    /// The person has as many phones as allowed.
    TooManyDevices,
    /// Too many calls from here.
    TooManyRequests,
    /// The number typed is not the one shown.
    WrongNumber(u8),
    /// The assertion is refused: one answer.
    InvalidAssertion,
    /// Nothing of that name waits for this person.
    ApprovalNotFound,
    /// Another phone has claimed the approval.
    ApprovalClaimed,
    /// The approval is over, and how it ended.
    ApprovalEnded(&'static str),
    /// The person has no such phone.
    DeviceNotFound,
    /// Nothing is at this address.
    NotFound,
    /// Not with this method.
    MethodNotAllowed,
    /// A dependency does not answer.
    TemporarilyUnavailable,
    /// A fault on our side.
    ServerError,
}

/// A refusal as sent.
#[derive(Serialize, ToSchema)]
pub(super) struct Refusal {
    /// Code, stable.
    #[schema(example = "wrong_number")]
    error: &'static str,
    /// For the developer of an application, never for its user.
    error_description: &'static str,
    /// With `wrong_number`: tries left.
    #[serde(skip_serializing_if = "Option::is_none")]
    tries_left: Option<u8>,
    /// With `approval_ended`: `approved`, `denied`, `expired` or `locked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

impl MobileError {
    /// HTTP status, code and text.
    const fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::UseDpopNonce => {
                (S::UNAUTHORIZED, "use_dpop_nonce", "the proof needs the nonce of the DPoP-Nonce header")
            }
            Self::InvalidDpopProof => {
                (S::UNAUTHORIZED, "invalid_dpop_proof", "one valid, fresh DPoP proof is required")
            }
            Self::InvalidDevice => (S::UNAUTHORIZED, "invalid_device", "no active phone has this key"),
            Self::Body(BodyError::TooLong) => (S::PAYLOAD_TOO_LARGE, INVALID_REQUEST, "the body is too long"),
            Self::Body(BodyError::MediaType) => {
                (S::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, "the body must be application/json")
            }
            Self::Body(BodyError::Malformed) => {
                (S::BAD_REQUEST, INVALID_REQUEST, "the body is not the JSON expected here")
            }
            Self::InvalidRequest => (S::BAD_REQUEST, INVALID_REQUEST, "the request is not understood"),
            Self::InvalidActivationCodes => {
                (S::BAD_REQUEST, "invalid_activation_codes", "the codes are wrong, used or expired")
            }
            Self::InvalidTicket => {
                (S::BAD_REQUEST, "invalid_ticket", "the ticket is unknown, used or expired")
            }
            Self::InvalidAttestation => {
                (S::BAD_REQUEST, "invalid_attestation", "the credential is not accepted")
            }
            Self::TooManyDevices => {
                (S::CONFLICT, "too_many_devices", "the person has as many phones as allowed")
            }
            Self::TooManyRequests => (S::TOO_MANY_REQUESTS, "too_many_requests", "wait before the next call"),
            Self::WrongNumber(_) => (S::BAD_REQUEST, "wrong_number", "the number is not the one shown"),
            Self::InvalidAssertion => (S::BAD_REQUEST, "invalid_assertion", "the assertion is not accepted"),
            Self::ApprovalNotFound => (S::NOT_FOUND, "approval_not_found", "no such approval waits here"),
            Self::ApprovalClaimed => (S::CONFLICT, "approval_claimed", "another phone has claimed it"),
            Self::ApprovalEnded(_) => (S::CONFLICT, "approval_ended", "the approval is over"),
            Self::DeviceNotFound => (S::NOT_FOUND, "device_not_found", "the person has no such phone"),
            Self::NotFound => (S::NOT_FOUND, "not_found", "nothing is at this address"),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, INVALID_REQUEST, "this address has no such method")
            }
            Self::TemporarilyUnavailable => {
                (S::SERVICE_UNAVAILABLE, "temporarily_unavailable", "try again in a moment")
            }
            Self::ServerError => (S::INTERNAL_SERVER_ERROR, "server_error", "an internal error occurred"),
        }
    }
}

impl IntoResponse for MobileError {
    fn into_response(self) -> Response {
        let (status, error, error_description) = self.row();
        let tries_left = if let Self::WrongNumber(left) = self { Some(left) } else { None };
        let ended = if let Self::ApprovalEnded(how) = self { Some(how) } else { None };
        let refusal = Refusal { error, error_description, tries_left, status: ended };
        let mut response = (status, Json(refusal)).into_response();
        let headers = response.headers_mut();
        match status {
            // RFC 9110 15.5.2, RFC 9449 7.1
            StatusCode::UNAUTHORIZED => {
                headers.extend(challenge(error).map(|challenge| (header::WWW_AUTHENTICATE, challenge)));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}

/// RFC 9449 7.1: `DPoP error="…", algs="…"`.
fn challenge(error: &str) -> Option<HeaderValue> {
    let algorithms: Vec<&str> = DPOP_ALGORITHMS.iter().map(|algorithm| algorithm.as_str()).collect();
    HeaderValue::from_str(&format!(r#"DPoP error="{error}", algs="{}""#, algorithms.join(" "))).ok()
}

impl From<BodyError> for MobileError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<FlowError> for MobileError {
    fn from(error: FlowError) -> Self {
        let error = error.into_oauth();
        if error.code.status() >= 500 {
            tracing::error!(error = %error.code, reason = error.internal, "phone request failed");
        } else {
            tracing::debug!(error = %error.code, reason = error.internal, "phone request refused");
        }
        match error.code {
            ErrorCode::UseDpopNonce => Self::UseDpopNonce,
            ErrorCode::InvalidDpopProof => Self::InvalidDpopProof,
            ErrorCode::SlowDown => Self::TooManyRequests,
            ErrorCode::TemporarilyUnavailable => Self::TemporarilyUnavailable,
            ErrorCode::ServerError => Self::ServerError,
            _ => Self::InvalidRequest,
        }
    }
}

impl From<DeviceAuthError> for MobileError {
    fn from(error: DeviceAuthError) -> Self {
        match error {
            DeviceAuthError::Flow(error) => error.into(),
            DeviceAuthError::Unknown => Self::InvalidDevice,
        }
    }
}

impl From<EnrolError> for MobileError {
    fn from(error: EnrolError) -> Self {
        match error {
            EnrolError::Codes => Self::InvalidActivationCodes,
            EnrolError::Ticket => Self::InvalidTicket,
            EnrolError::Attestation => Self::InvalidAttestation,
            EnrolError::TooMany => Self::TooManyDevices,
            EnrolError::Throttled => Self::TooManyRequests,
            EnrolError::Flow(error) => error.into(),
        }
    }
}

impl From<DecideError> for MobileError {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::NotFound => Self::ApprovalNotFound,
            DecideError::Claimed => Self::ApprovalClaimed,
            DecideError::Throttled => Self::TooManyRequests,
            DecideError::Ended(how) => Self::ApprovalEnded(how),
            DecideError::Assertion => Self::InvalidAssertion,
            DecideError::WrongNumber { tries_left } => Self::WrongNumber(tries_left),
            DecideError::Flow(error) => error.into(),
        }
    }
}

const INVALID_REQUEST: &str = "invalid_request";
