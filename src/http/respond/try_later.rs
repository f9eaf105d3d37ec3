//! What is refused for load: answered at once, in the form of its endpoint, without a line in the log.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::in_form::Form;
use super::oauth_error::retry_after;
use super::{OAuthFailure, failure_page};
use crate::http::extract::accepted_locale;
use crate::http::mobile::MobileError;
use crate::oauth::{ErrorCode, OAuthError};

/// 503 or 429, with `Retry-After` in whole seconds, one at least (RFC 9110 10.2.3).
pub(crate) fn try_later(request: &Request, status: StatusCode, wait: Duration) -> Response {
    let too_many = status == StatusCode::TOO_MANY_REQUESTS;
    let mut response = match Form::of(request.uri().path()) {
        Form::Phone if too_many => MobileError::TooManyRequests.into_response(),
        Form::Phone => MobileError::TemporarilyUnavailable.into_response(),
        Form::Service if too_many => refusal(ErrorCode::SlowDown, "too many requests from here"),
        Form::Service => refusal(ErrorCode::TemporarilyUnavailable, "too many requests at once; try again"),
        Form::Page => {
            // Only what was asked for by GET can be asked for again by a link.
            let again = (request.method() == Method::GET).then_some("");
            let locale = accepted_locale(request.headers());
            if too_many {
                failure_page::too_many(wait, locale, again)
            } else {
                failure_page::unavailable(locale, again)
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, retry_after(Some(wait)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refusal(code: ErrorCode, public: &'static str) -> Response {
    OAuthFailure::from(OAuthError::new(code, public)).into_response()
}
