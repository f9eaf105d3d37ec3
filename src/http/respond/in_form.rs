//! Requests that took too long or broke off: answered in the form of their endpoint, not with an empty body.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{OAuthFailure, failure_page};
use crate::flow::TurnError;
use crate::http::mobile::MobileError;
use crate::interaction::Locale;
use crate::oauth::{ErrorCode, OAuthError};

/// The form of the answers to one request.
pub(crate) struct Shape {
    form: Form,
    reader: Reader,
}

impl Shape {
    /// `phones`: origins of the phones that live in a browser.
    pub(crate) fn of(request: &Request, phones: &[String]) -> Self {
        let form = Form::of(request.uri().path());
        let reader = Reader::of(&form, request, phones);
        Self { form, reader }
    }

    /// Gives a bare 500 or 503 of the layers below the body that its caller can read, and lets those origins read what is
    /// refused that may read what is answered.
    pub(crate) fn given(self, response: Response) -> Response {
        let mut response = match response.status() {
            StatusCode::SERVICE_UNAVAILABLE if is_bare(&response) => self.form.answer(true),
            StatusCode::INTERNAL_SERVER_ERROR if is_bare(&response) => self.form.answer(false),
            status if status.is_success() => return response,
            _ => response,
        };
        self.reader.admit(&mut response);
        response
    }
}

/// Which other origin may read an answer (Fetch 3.2.3).
enum Reader {
    Nobody,
    Anybody,
    Phone(HeaderValue),
}

impl Reader {
    fn of(form: &Form, request: &Request, phones: &[String]) -> Self {
        let path = request.uri().path();
        match (form, request.headers().get(header::ORIGIN)) {
            (Form::Service, _) if path == "/jwks" || path.starts_with("/.well-known/") => Self::Anybody,
            (Form::Phone, Some(origin)) if phones.iter().any(|phone| origin == phone.as_str()) => {
                Self::Phone(origin.clone())
            }
            _ => Self::Nobody,
        }
    }

    /// Unless the route has said it.
    fn admit(self, response: &mut Response) {
        let headers = response.headers_mut();
        if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        let origin = match self {
            Self::Nobody => return,
            Self::Anybody => HeaderValue::from_static("*"),
            Self::Phone(origin) => {
                headers.append(header::VARY, HeaderValue::from_static("origin"));
                origin
            }
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    }
}

/// Neither JSON nor a page: ours always are one or the other.
fn is_bare(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    !kind.starts_with(b"application/json") && !kind.starts_with(b"text/html")
}

pub(super) enum Form {
    Phone,
    Service,
    Page,
}

impl Form {
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/par" | "/token" | "/userinfo" | "/jwks" | "/introspect" | "/revoke" => Self::Service,
            path if path.starts_with("/.well-known/") => Self::Service,
            path if path.starts_with("/mobile/v1") => Self::Phone,
            _ => Self::Page,
        }
    }

    /// `again`: it may go better the next time.
    fn answer(self, again: bool) -> Response {
        match self {
            Self::Phone => {
                let error =
                    if again { MobileError::TemporarilyUnavailable } else { MobileError::ServerError };
                let mut response = error.into_response();
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Self::Service => OAuthFailure::from(fault(again)).into_response(),
            Self::Page => failure_page(TurnError::Request(fault(again).into()), Locale::default(), None),
        }
    }
}

fn fault(again: bool) -> OAuthError {
    let (code, public) = if again {
        (ErrorCode::TemporarilyUnavailable, "the request took too long; try again")
    } else {
        (ErrorCode::ServerError, "an internal error occurred")
    };
    OAuthError::new(code, public).with_internal("cut short")
}
