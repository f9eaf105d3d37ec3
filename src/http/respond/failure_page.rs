//! Error pages: what cannot be told to a client is told to the person (RFC 6749 4.1.2.1).

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::oauth_error::{USUAL_WAIT, count_limit, whole_seconds};
use super::{ErrorTitle, Page, PageFrame};
use crate::flow::TurnError;
use crate::interaction::Locale;
use crate::oauth::ErrorCode;

/// The page of a turn that failed. `again` is where trying again makes sense; empty: the address of this page.
pub(crate) fn failure_page(error: TurnError, locale: Locale, again: Option<&str>) -> Response {
    let (title, status, detail) = match error {
        TurnError::Gone => (ErrorTitle::Expired, StatusCode::BAD_REQUEST, None),
        TurnError::OtherBrowser => (ErrorTitle::OtherBrowser, StatusCode::BAD_REQUEST, None),
        TurnError::Request(error) => {
            let error = error.into_oauth();
            if error.code == ErrorCode::SlowDown {
                // A limit that was met: no line in the log, but a count.
                count_limit(&error);
                return too_many(error.retry_after.unwrap_or(USUAL_WAIT), locale, again);
            }
            if error.code.status() >= 500 {
                tracing::error!(error = error.code.as_str(), reason = error.internal, "page failed");
                (ErrorTitle::Unavailable, StatusCode::SERVICE_UNAVAILABLE, None)
            } else {
                tracing::warn!(error = error.code.as_str(), reason = error.internal, "request refused");
                (ErrorTitle::InvalidRequest, StatusCode::BAD_REQUEST, Some(error.public))
            }
        }
    };
    let again = again.filter(|_| title == ErrorTitle::Unavailable).map(str::to_owned);
    page((title, detail, again), status, locale)
}

/// The page of a request for which there is no place. `again` as above.
pub(super) fn unavailable(locale: Locale, again: Option<&str>) -> Response {
    let said = (ErrorTitle::Unavailable, None, again.map(str::to_owned));
    page(said, StatusCode::SERVICE_UNAVAILABLE, locale)
}

/// The page of who comes too often: it says how long to wait, and so does its header. `again` as above.
pub(super) fn too_many(wait: Duration, locale: Locale, again: Option<&str>) -> Response {
    let seconds = whole_seconds(wait);
    let said = (ErrorTitle::TooMany { seconds }, None, again.map(str::to_owned));
    let mut response = page(said, StatusCode::TOO_MANY_REQUESTS, locale);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The page of an address that does not exist.
pub(crate) async fn not_found(_: Uri) -> Response {
    page((ErrorTitle::NotFound, None, None), StatusCode::NOT_FOUND, Locale::default()).into_response()
}

fn page(
    (title, detail, again): (ErrorTitle, Option<&'static str>, Option<String>),
    status: StatusCode,
    locale: Locale,
) -> Response {
    let frame = PageFrame { locale, form_targets: Vec::new(), switch_url: None };
    let mut response = Page::Error { title, reference: String::new(), detail, again }.respond(&frame, status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}
