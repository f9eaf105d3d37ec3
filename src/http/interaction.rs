//! The pages of an authorization in progress: identifier, number, consent, and their status.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::extract::{FormParams, PeerOrigin, QueryParams, browser_state};
use super::respond::{
    EmailPage, IdentifyNotice, OAuthFailure, Page, PageFrame, QrPage, RepresentPage, authorization_answer,
    failure_page, form_target, see_other,
};
use super::state::AppState;
use crate::base::InteractionId;
use crate::flow::{BrowserState, Identified, Progress, Screen, Turn, TurnError};
use crate::identity::EmailFault;
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
    let progress = match addressed(&state, &id, &headers) {
        Ok((id, browser, _)) if shows_code => state.provider.await_claim(id, &browser).await,
        Ok((id, browser, _)) => state.provider.await_progress(id, &browser).await,
        Err(_) => Err(TurnError::Gone),
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

/// Why a page asks again.
enum Again {
    Identify(IdentifyNotice),
    /// What is wrong with what was typed.
    Email(EmailFault, String),
}

async fn turn(
    state: &AppState,
    id: InteractionId,
    browser: &BrowserState,
    again: Option<Again>,
) -> Result<Response, TurnError> {
    match state.provider.resume(id, browser).await? {
        Turn::Answer(answer) => Ok(authorization_answer(state, answer, Some(id))),
        Turn::Page { screen, locale, redirect_uri, csrf } => {
            let other = match locale {
                Locale::Fr => Locale::En,
                Locale::En => Locale::Fr,
            };
            let frame = PageFrame {
                locale,
                form_targets: form_targets(&redirect_uri, &screen),
                switch_url: Some(format!("/interaction/{id}?ui_locales={}", other.as_str())),
            };
            let address = format!("/interaction/{id}");
            if let Screen::Qr { service, address: text, expires_in } = screen {
                return Ok(QrPage { service, text, expires_in, address, csrf }.respond(&frame));
            }
            if let Screen::Represent { service, identity, oneself, others } = screen {
                let page = RepresentPage { service, identity, oneself, others, address, csrf };
                return Ok(page.respond(&frame));
            }
            if let Screen::Email { service } = screen {
                let refused = match again {
                    Some(Again::Email(fault, typed)) => Some((fault, typed)),
                    Some(Again::Identify(_)) | None => None,
                };
                return Ok(EmailPage { service, refused, address, csrf }.respond(&frame));
            }
            let notice = match again {
                Some(Again::Identify(notice)) => Some(notice),
                Some(Again::Email(..)) | None => None,
            };
            let page = page(address, screen, csrf, notice).ok_or(TurnError::Gone)?;
            Ok(page.respond(&frame, StatusCode::OK))
        }
    }
}

/// Where the forms of a page may end: at the service and, chosen there, at another provider.
fn form_targets(redirect_uri: &str, screen: &Screen) -> Vec<String> {
    let providers = match screen {
        Screen::Identify { providers, .. } => providers.as_slice(),
        Screen::Number { .. }
        | Screen::Qr { .. }
        | Screen::Email { .. }
        | Screen::Represent { .. }
        | Screen::Consent { .. } => &[],
    };
    let providers = providers.iter().map(|provider| provider.origin.as_str());
    std::iter::once(redirect_uri).chain(providers).map(form_target).collect()
}

fn page(address: String, screen: Screen, csrf: String, notice: Option<IdentifyNotice>) -> Option<Page> {
    Some(match screen {
        Screen::Identify { service, expired, providers, phone } => Page::Identify {
            service,
            action: format!("{address}/identify"),
            qr_action: format!("{address}/qr"),
            cancel_action: format!("{address}/cancel"),
            csrf,
            notice: notice.or_else(|| expired.then_some(IdentifyNotice::Expired)),
            providers,
            federate_action: format!("{address}/federate"),
            phone,
        },
        Screen::Number { service, number, expires_in } => Page::Number {
            service,
            number: number.map(|number| number.expose().to_owned()),
            expires_in,
            status_url: format!("{address}/status"),
            cancel_action: format!("{address}/cancel"),
            resume_url: address,
            csrf,
        },
        Screen::Consent { service, scopes, identity, on_behalf_of } => {
            let action = format!("{address}/consent");
            Page::Consent { service, scopes, identity, on_behalf_of, action, csrf }
        }
        Screen::Qr { .. } | Screen::Email { .. } | Screen::Represent { .. } => return None,
    })
}

fn chosen_locale(params: &crate::oauth::RawParams) -> Option<Locale> {
    match params.get("ui_locales").ok().flatten() {
        Some("fr") => Some(Locale::Fr),
        Some("en") => Some(Locale::En),
        _ => None,
    }
}
