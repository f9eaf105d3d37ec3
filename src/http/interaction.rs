//! What a browser sends to an authorization in progress, and the status of its page.

use std::pin::pin;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::{self, Either};
use serde_json::json;

use super::extract::{FormParams, PeerOrigin, QueryParams, browser_state};
use super::interaction_page::{Again, turn};
use super::respond::{IdentifyNotice, OAuthFailure, failure_page, see_other};
use super::state::AppState;
use crate::base::InteractionId;
use crate::flow::{BrowserState, Identified, Progress, TurnError};
use crate::interaction::Locale;

/// `GET /interaction/{id}`: what comes next, as a page or as the answer to the client.
pub(super) async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Result<QueryParams, OAuthFailure>,
) -> Response {
    let (id, browser, locale) = match addressed(&state, &id, &headers) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let wish = params.ok().and_then(|QueryParams(params)| chosen_locale(&params));
    if let Some(wish) = wish
        && let Err(error) = state.provider.speak(id, &browser, wish).await
    {
        return failed(id, error, locale);
    }
    turn(&state, id, &browser, None).await.unwrap_or_else(|error| failed(id, error, locale))
}

/// `POST /interaction/{id}/identify`.
pub(super) async fn identify(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    origin: PeerOrigin,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    let (id, browser, locale) = match addressed(&state, &id, &headers) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let done = async {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let typed = params.get("identifier")?.unwrap_or("");
        let csrf = params.get("csrf")?.unwrap_or("");
        let notice = match state.provider.identify(id, &browser, (typed, csrf), &origin.0).await? {
            Identified::Accepted => return Ok(see_other(&format!("/interaction/{id}"))),
            Identified::MissingTypeDigit => IdentifyNotice::ElevenDigits,
            Identified::Malformed => IdentifyNotice::Malformed,
            Identified::TooMany => IdentifyNotice::TooMany,
        };
        turn(&state, id, &browser, Some(Again::Identify(notice))).await
    };
    done.await.unwrap_or_else(|error: TurnError| failed(id, error, locale))
}

/// `POST /interaction/{id}/qr`.
pub(super) async fn qr(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    origin: PeerOrigin,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    let (id, browser, locale) = match addressed(&state, &id, &headers) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let done = async {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let csrf = params.get("csrf")?.unwrap_or("");
        match state.provider.open_qr(id, &browser, csrf, &origin.0).await? {
            Identified::Accepted => Ok(see_other(&format!("/interaction/{id}"))),
            _ => turn(&state, id, &browser, Some(Again::Identify(IdentifyNotice::TooMany))).await,
        }
    };
    done.await.unwrap_or_else(|error: TurnError| failed(id, error, locale))
}

/// `POST /interaction/{id}/email`.
pub(super) async fn email(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    let (id, browser, locale) = match addressed(&state, &id, &headers) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let done = async {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let typed = params.get("email")?.unwrap_or("");
        let csrf = params.get("csrf")?.unwrap_or("");
        match state.provider.declare_email(id, &browser, (typed, csrf)).await? {
            None => Ok(see_other(&format!("/interaction/{id}"))),
            Some(fault) => turn(&state, id, &browser, Some(Again::Email(fault, typed.to_owned()))).await,
        }
    };
    done.await.unwrap_or_else(|error: TurnError| failed(id, error, locale))
}

/// `POST /interaction/{id}/consent`.
pub(super) async fn consent(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    let (id, browser, locale) = match addressed(&state, &id, &headers) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let done = async {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let allowed = params.get("decision")? == Some("allow");
        state.provider.consent(id, &browser, (allowed, params.get("csrf")?.unwrap_or(""))).await?;
        // RFC 9700 4.12: every form is answered 303, and what comes next is asked for by GET.
        Ok(see_other(&format!("/interaction/{id}")))
    };
    done.await.unwrap_or_else(|error: TurnError| failed(id, error, locale))
}

/// `POST /interaction/{id}/represent`.
pub(super) async fn represent(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    let (id, browser, locale) = match addressed(&state, &id, &headers) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let done = async {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let who = params.get("who")?.unwrap_or("");
        state.provider.represent(id, &browser, (who, params.get("csrf")?.unwrap_or(""))).await?;
        Ok(see_other(&format!("/interaction/{id}")))
    };
    done.await.unwrap_or_else(|error: TurnError| failed(id, error, locale))
}

/// `POST /interaction/{id}/cancel`.
pub(super) async fn cancel(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    let (id, browser, locale) = match addressed(&state, &id, &headers) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let done = async {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        state.provider.cancel(id, &browser, params.get("csrf")?.unwrap_or("")).await?;
        Ok(see_other(&format!("/interaction/{id}")))
    };
    done.await.unwrap_or_else(|error: TurnError| failed(id, error, locale))
}

/// `GET /interaction/{id}/status`: answers when the page has something new to show, or after a while. With `shown=qr`
/// the page shows a code, and a claim is something new.
pub(super) async fn status(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Result<QueryParams, OAuthFailure>,
) -> Response {
    let shows_code =
        params.is_ok_and(|QueryParams(params)| params.get("shown").is_ok_and(|shown| shown == Some("qr")));
    let progress = async {
        match addressed(&state, &id, &headers) {
            Ok((id, browser, _)) if shows_code => state.provider.await_claim(id, &browser).await,
            Ok((id, browser, _)) => state.provider.await_progress(id, &browser).await,
            Err(_) => Err(TurnError::Gone),
        }
    };
    // A process that is about to end lets go: the page asks again, elsewhere.
    let let_go = async {
        state.leaving.begun().await;
        tokio::time::sleep(LAST_LOOK).await;
    };
    let progress = match future::select(pin!(progress), pin!(let_go)).await {
        Either::Left((progress, _)) => progress,
        Either::Right(_) => Ok(Progress::Waiting),
    };
    let (status, word) = match progress {
        Ok(Progress::Waiting) => (StatusCode::OK, "waiting"),
        // Whatever ended it, the page that follows says so.
        Ok(Progress::Done) | Err(TurnError::Gone) => (StatusCode::OK, "done"),
        Err(TurnError::OtherBrowser) => (StatusCode::FORBIDDEN, "refused"),
        Err(TurnError::Request(_)) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let mut response = (status, Json(json!({ "status": word }))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

/// Trying again is asking what comes next.
fn failed(id: InteractionId, error: TurnError, locale: Locale) -> Response {
    failure_page(error, locale, Some(&format!("/interaction/{id}")))
}

#[expect(clippy::result_large_err, reason = "the refusal is the response itself")]
fn addressed(
    state: &AppState,
    id: &str,
    headers: &HeaderMap,
) -> Result<(InteractionId, BrowserState, Locale), Response> {
    let parsed: Option<InteractionId> = id.parse().ok();
    let browser = browser_state(state, headers, parsed);
    let locale = Locale::choose(browser.languages.iter().map(String::as_str));
    parsed.map(|id| (id, browser, locale)).ok_or_else(|| failure_page(TurnError::Gone, locale, None))
}

/// A process that ends waits so long for a page that asks it all the same.
const LAST_LOOK: Duration = Duration::from_millis(500);

fn chosen_locale(params: &crate::oauth::RawParams) -> Option<Locale> {
    match params.get("ui_locales").ok().flatten() {
        Some("fr") => Some(Locale::Fr),
        Some("en") => Some(Locale::En),
        _ => None,
    }
}
