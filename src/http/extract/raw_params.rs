//! Query and form parameters, as sent.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;

use crate::http::respond::OAuthFailure;
use crate::oauth::{ErrorCode, OAuthError, RawParams};

/// Parameters of the query string (RFC 6749 3.1).
pub(crate) struct QueryParams(pub RawParams);

impl<S: Send + Sync> FromRequestParts<S> for QueryParams {
    type Rejection = OAuthFailure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or("");
        RawParams::parse(query.as_bytes()).map(Self).map_err(OAuthFailure::from)
    }
}

/// Parameters of a form body; `application/x-www-form-urlencoded` in UTF-8 and nothing else (RFC 6749 3.2, appendix B).
pub(crate) struct FormParams(pub RawParams);

impl<S: Send + Sync> FromRequest<S> for FormParams {
    type Rejection = OAuthFailure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        if !is_form(request.headers()) {
            let error = OAuthError::new(
                ErrorCode::InvalidRequest,
                "the body must be application/x-www-form-urlencoded",
            );
            return Err(OAuthFailure::from(error));
        }
        let body = Bytes::from_request(request, state).await.map_err(|_| OAuthFailure::too_large())?;
        RawParams::parse(&body).map(Self).map_err(OAuthFailure::from)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let form =
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    form && parts.all(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    })
}
