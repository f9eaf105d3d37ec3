//! `/end_session` (RP-Initiated Logout 1.0 2).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::extract::{FormParams, QueryParams, browser_interactions, browser_state};
use super::respond::{OAuthFailure, failure_page, logged_out, logout_question, see_other};
use super::state::AppState;
use crate::flow::{LogoutStep, TurnError};
use crate::interaction::Locale;
use crate::oauth::RawParams;

/// `GET /end_session`: a request with its parameters, or with the ticket that a POST was given.
pub(super) async fn get(
    State(state): State<AppState>,
    headers: HeaderMap,
    params: Result<QueryParams, OAuthFailure>,
) -> Response {
    let browser = browser_state(&state, &headers, None);
    let locale = Locale::choose(browser.languages.iter().map(String::as_str));
    let done = async {
        let QueryParams(params) = params.map_err(OAuthFailure::into_turn)?;
        let interactions = browser_interactions(&state, &headers);
        state.provider.begin_logout(&params, &browser, &interactions).await
    };
    done.await.map_or_else(|error| failure_page(error, locale, Some("")), |step| respond(&state, step))
}

/// `POST /end_session`: the person's answer, or the request of a service, which is answered 303 so that a cross-site form
/// sees the session cookie (design decision 19).
pub(super) async fn post(
    State(state): State<AppState>,
    headers: HeaderMap,
    params: Result<FormParams, OAuthFailure>,
) -> Response {
    let browser = browser_state(&state, &headers, None);
    let locale = Locale::choose(browser.languages.iter().map(String::as_str));
    let done = async {
        let FormParams(params) = params.map_err(OAuthFailure::into_turn)?;
        let Some(decision) = params.get("decision")? else {
            let ticket = state.provider.logout_ticket(&params).map_err(TurnError::from)?;
            let query = RawParams::from_pairs([(String::from("ticket"), ticket)]);
            return Ok(see_other(&format!("/end_session?{}", query.encode())));
        };
        let (ticket, csrf) = (params.require("ticket")?, params.get("csrf")?.unwrap_or(""));
        let interactions = browser_interactions(&state, &headers);
        let answer = (ticket, csrf, decision == "logout");
        let step = state.provider.answer_logout(answer, &browser, &interactions).await?;
        Ok(respond(&state, step))
    };
    done.await.unwrap_or_else(|error: TurnError| failure_page(error, locale, None))
}

fn respond(state: &AppState, step: LogoutStep) -> Response {
    match step {
        LogoutStep::Ask(page) => logout_question(page),
        LogoutStep::Done(done) => logged_out(state, done),
    }
}
