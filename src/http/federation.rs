//! The browser's way to another identity provider and back (`OpenID Connect Core` 3.1.2; RFC 9207 2; RP-Initiated Logout 2).

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::account_links;
use super::extract::{FormParams, PeerOrigin, QueryParams, browser_state};
use super::respond::{OAuthFailure, failure_page, see_other, setback_page, upstream_logged_out};
use super::state::AppState;
use crate::base::InteractionId;
use crate::flow::{BrowserState, Federated, Federating, LinkedBack, Returned, TurnError};
use crate::interaction::Locale;

/// `POST /interaction/{id}/federate`.
pub(super) async fn leave(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    PeerOrigin(origin): PeerOrigin,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    let parsed: Option<InteractionId> = id.parse().ok();
    let browser = browser_state(&state, &headers, parsed);
    let locale = Locale::choose(browser.languages.iter().map(String::as_str));
    let Some(id) = parsed else { return failure_page(TurnError::Gone, locale, None) };
    let done = async {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let chosen = (params.get("provider")?.unwrap_or(""), params.get("csrf")?.unwrap_or(""));
        Ok(match state.provider.federate(id, &browser, chosen, &origin).await? {
            // RFC 9700 4.12: never 307, which would repeat the form there.
            Federating::Leave(url) => see_other(url.as_str()),
            Federating::Failed(setback) => setback_page(&setback),
        })
    };
    done.await.unwrap_or_else(|error: TurnError| again(id, error, locale))
}

/// `GET /federation/{provider}/callback`.
pub(super) async fn callback(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    PeerOrigin(origin): PeerOrigin,
    params: Result<QueryParams, OAuthFailure>,
) -> Response {
    let locale = locale_of(&state, &headers);
    let params = match params {
        Ok(QueryParams(params)) => params,
        Err(failure) => return failure_page(failure.into_turn(), locale, None),
    };
    let returned = match state.provider.returned(&provider, &params, &origin).await {
        Ok(returned) => returned,
        Err(error) => return failure_page(error, locale, None),
    };
    match returned {
        Returned::SignIn(returned) => {
            let id = returned.interaction();
            let browser = BrowserState { origin, ..browser_state(&state, &headers, Some(id)) };
            match state.provider.federated(returned, &browser, &params).await {
                Ok(Federated::GoOn) => see_other(&format!("/interaction/{id}")),
                Ok(Federated::Failed(setback)) => setback_page(&setback),
                Err(error) => again(id, error, locale),
            }
        }
        Returned::Link(returned) => {
            let browser = BrowserState { origin, ..browser_state(&state, &headers, None) };
            match state.provider.linked_back(returned, &browser, &params).await {
                Ok(LinkedBack::Linked) => see_other("/account/links?done=linked"),
                Ok(LinkedBack::Already) => see_other("/account/links?done=already"),
                Ok(LinkedBack::Failed(setback)) => setback_page(&setback),
                Err(error) => failure_page(error, locale, Some(account_links::PAGE)),
            }
        }
    }
}

/// `GET /federation/{provider}/logged_out`.
pub(super) async fn logged_out(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    PeerOrigin(origin): PeerOrigin,
    params: Result<QueryParams, OAuthFailure>,
) -> Response {
    let locale = locale_of(&state, &headers);
    let done = async {
        let QueryParams(params) = params.map_err(OAuthFailure::into_turn)?;
        state.provider.signed_out_there(&provider, &params, &origin).await
    };
    match done.await {
        Ok(way_back) => upstream_logged_out(way_back, locale),
        Err(error) => failure_page(error, locale, None),
    }
}

/// What was asked cannot be asked again; what comes next can.
fn again(id: InteractionId, error: TurnError, locale: Locale) -> Response {
    failure_page(error, locale, Some(&format!("/interaction/{id}")))
}

fn locale_of(state: &AppState, headers: &HeaderMap) -> Locale {
    let browser = browser_state(state, headers, None);
    Locale::choose(browser.languages.iter().map(String::as_str))
}
