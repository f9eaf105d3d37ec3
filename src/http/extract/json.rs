//! JSON bodies, read strictly: `application/json`, no duplicate member, bounded depth, no member we do not know.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::jose::{JsonCaps, StrictJsonError, parse_strict};

/// A credential with its certificates fits well.
const CAPS: JsonCaps = JsonCaps { bytes: 64 * 1024, members: 64, depth: 16 };

/// Why a body is not read. What was wrong in it is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Longer than allowed.
    #[error("the body is too long")]
    TooLong,
    /// Of another media type.
    #[error("the body is not application/json")]
    MediaType,
    /// Not the JSON expected, or cut off.
    #[error("the body is not the JSON expected here")]
    Malformed,
}

/// The body of a request as `T`.
pub(crate) struct StrictJson<T>(pub T);

impl<S, T> FromRequest<S> for StrictJson<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = crate::http::mobile::MobileError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        if !is_json(request.headers()) {
            return Err(BodyError::MediaType.into());
        }
        let bytes =
            Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => BodyError::TooLong,
                _ => BodyError::Malformed,
            })?;
        let value = parse_strict(&bytes, CAPS).map_err(|error| match error {
            StrictJsonError::TooLong => BodyError::TooLong,
            _ => BodyError::Malformed,
        })?;
        Ok(Self(T::deserialize(value).map_err(|_| BodyError::Malformed)?))
    }
}

/// Exactly one `Content-Type`, `application/json` with or without parameters (RFC 8259 11).
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let essence = only.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
