//! `/authorize` (RFC 6749 3.1, OpenID Connect Core 3.1.2.1).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::extract::{FormParams, PeerOrigin, QueryParams, browser_state};
use super::respond::{authorization_answer, failure_page, interaction_opened, see_other};
use super::state::AppState;
use crate::flow::{Begun, BrowserState, Origin, TurnError};
use crate::interaction::Locale;
use crate::oauth::RawParams;

/// `GET /authorize`.
pub(super) async fn get(
    State(state): State<AppState>,
    headers: HeaderMap,
    PeerOrigin(origin): PeerOrigin,
    params: Result<QueryParams, super::respond::OAuthFailure>,
) -> Response {
    let browser = BrowserState { origin, ..browser_state(&state, &headers, None) };
    let locale = Locale::choose(browser.languages.iter().map(String::as_str));
    let begun = match params {
        Ok(QueryParams(params)) => state.provider.begin(&params, &browser).await,
        Err(failure) => Err(failure.into_turn()),
    };
    match begun {
        Ok(Begun::Answer(answer)) => authorization_answer(&state, *answer, None),
        Ok(Begun::Opened(opened)) => interaction_opened(&state, &opened),
        Err(error) => failure_page(error, locale, Some("")),
    }
}

/// `POST /authorize`: kept, and answered 303 to itself, so that a cross-site form sees the session cookie and the
/// address holds nothing personal (design decision 19).
pub(super) async fn post(
    State(state): State<AppState>,
    headers: HeaderMap,
    PeerOrigin(origin): PeerOrigin,
    params: Result<FormParams, super::respond::OAuthFailure>,
) -> Response {
    let browser = browser_state(&state, &headers, None);
    let locale = Locale::choose(browser.languages.iter().map(String::as_str));
    match stash(&state, params, &origin).await {
        Ok(location) => see_other(&location),
        // What was posted is gone from the address.
        Err(error) => failure_page(error, locale, None),
    }
}

async fn stash(
    state: &AppState,
    params: Result<FormParams, super::respond::OAuthFailure>,
    origin: &Origin,
) -> Result<String, TurnError> {
    let FormParams(params) = params.map_err(super::respond::OAuthFailure::into_turn)?;
    let client_id = params.require("client_id")?.to_owned();
    let request_uri = match params.get("request_uri")? {
        Some(pushed) => pushed.to_owned(),
        None => state.provider.stash_request(&params, origin).await?.request_uri.expose(),
    };
    let query = RawParams::from_pairs([
        (String::from("client_id"), client_id),
        (String::from("request_uri"), request_uri),
    ]);
    Ok(format!("/authorize?{}", query.encode()))
}
