//! Answers of good requests: JSON that must not be kept, and authorization responses through the browser.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde::Serialize;

use super::{Page, PageFrame};
use crate::base::{InteractionId, Secret};
use crate::flow::{Answer, KNOWN_FOR, Opened};
use crate::http::extract::{interaction_cookie, known_cookie, session_cookie};
use crate::http::state::AppState;
use crate::oauth::AuthorizationResponse;

/// JSON with `Cache-Control: no-store` (RFC 6749 5.1), and a nonce for the next proof when one is used.
pub(crate) fn private_json(status: StatusCode, body: &impl Serialize, nonce: Option<String>) -> Response {
    match serde_json::to_vec(body) {
        Ok(text) => written_json(status, text, nonce),
        Err(error) => {
            tracing::error!(%error, "an answer has no JSON form");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The same of JSON as it is written.
pub(crate) fn written_json(status: StatusCode, text: impl Into<Body>, nonce: Option<String>) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    for_nobody_else((status, kind, text.into()).into_response(), nonce)
}

/// A token for its one reader (OpenID Connect Core 5.3.2).
pub(crate) fn private_jwt(token: &Secret, nonce: Option<String>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/jwt")];
    for_nobody_else((kind, token.expose().to_owned()).into_response(), nonce)
}

fn for_nobody_else(mut response: Response, nonce: Option<String>) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    if let Some(nonce) = nonce.and_then(|text| HeaderValue::from_str(&text).ok()) {
        headers.insert("dpop-nonce", nonce);
    }
    response
}

/// `303 See Other` (RFC 9700 4.12: never 307), kept by nobody.
pub(crate) fn see_other(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The authorization response, with the cookie of a session that begins. `ended` is the interaction it ends.
pub(crate) fn authorization_answer(
    state: &AppState,
    answer: Answer,
    ended: Option<InteractionId>,
) -> Response {
    let mut response = match answer.response {
        AuthorizationResponse::Redirect(location) => see_other(&location),
        AuthorizationResponse::Form { action, fields } => {
            let frame = PageFrame { locale: answer.locale, form_targets: Vec::new(), switch_url: None };
            let fields = fields.into_iter().map(|(name, value)| (name.clone(), value)).collect();
            Page::FormPost { action, fields }.respond(&frame, StatusCode::OK)
        }
    };
    if let Some(started) = answer.session {
        set_cookie(response.headers_mut(), &cookie(state, session_cookie(state).to_owned(), &started.cookie));
    }
    if let Some(known) = answer.known {
        let known = cookie(state, known_cookie(state).to_owned(), &known);
        set_lasting_cookie(response.headers_mut(), &known, KNOWN_FOR);
    }
    if let Some(id) = ended {
        let mut gone = cookie(state, interaction_cookie(state, id), &Secret::new(String::new()));
        gone.make_removal();
        set_cookie(response.headers_mut(), &gone);
    }
    response
}

/// The same response, which also removes the session cookie.
pub(super) fn without_session(state: &AppState, mut response: Response) -> Response {
    let mut gone = cookie(state, session_cookie(state).to_owned(), &Secret::new(String::new()));
    gone.make_removal();
    set_cookie(response.headers_mut(), &gone);
    response
}

/// The way to the page of an interaction just opened, or to the provider that the service wants.
pub(crate) fn interaction_opened(state: &AppState, opened: &Opened) -> Response {
    let mut response = match &opened.leave {
        Some(elsewhere) => see_other(elsewhere.as_str()),
        None => see_other(&format!("/interaction/{}", opened.id)),
    };
    let cookie = cookie(state, interaction_cookie(state, opened.id), &opened.cookie);
    // Logins that were left do not fill the browser's cookies.
    let lifetime = state.provider.policy.lifetimes.interaction;
    set_lasting_cookie(response.headers_mut(), &cookie, lifetime);
    response
}

/// The source that `form-action` must name for a redirect to `uri`: its origin, or its scheme for a native client.
pub(crate) fn form_target(uri: &str) -> String {
    match url::Url::parse(uri) {
        Ok(parsed) if parsed.origin().is_tuple() => parsed.origin().ascii_serialization(),
        Ok(parsed) => format!("{}:", parsed.scheme()),
        Err(_) => String::from("'self'"),
    }
}

fn cookie(state: &AppState, name: String, value: &Secret) -> Cookie<'static> {
    Cookie::build((name, value.expose().to_owned()))
        .path("/")
        .http_only(true)
        .secure(state.secure_cookies())
        .same_site(SameSite::Lax)
        .build()
}

fn set_cookie(headers: &mut HeaderMap, cookie: &Cookie<'static>) {
    append(headers, &cookie.encoded().to_string());
}

/// A cookie that outlives the browser's window, or dies before it (RFC 6265 4.1.2.2).
fn set_lasting_cookie(headers: &mut HeaderMap, cookie: &Cookie<'static>, lifetime: Duration) {
    append(headers, &format!("{}; Max-Age={}", cookie.encoded(), lifetime.as_secs()));
}

fn append(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        headers.append(header::SET_COOKIE, value);
    }
}
