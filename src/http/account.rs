//! `/account`: the pages of a person's own account. Every change is a form with the token of the session, answered 303.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::extract::{FormParams, Identifier, QueryParams, browser_state};
use super::respond::{AccountView, NewPhoneView, OAuthFailure, OpenAppView, failure_page, see_other};
use super::state::AppState;
use crate::base::{DeviceId, UnixTime};
use crate::flow::{AccountVisit, TurnError};
use crate::interaction::Locale;
use crate::oauth::RawParams;

/// Pages that a sign-in leads back to, by the `state` that names them.
const PAGES: [(&str, &str); 3] =
    [("account", "/account"), ("phones", "/account/phones/new"), ("links", super::account_links::PAGE)];

/// `GET /account`: also where the answer of a sign-in arrives, whose code nobody needs.
pub(super) async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
    params: Result<QueryParams, OAuthFailure>,
) -> Response {
    let params = readable(params);
    // The answer leaves the address bar, for the page that its `state` names. An error is not tried again by itself.
    if value(&params, "code").is_some() {
        return see_other(page_of(value(&params, "state")));
    }
    let refused = value(&params, "error").is_some();
    page(&state, &headers, ("account", refused), async |visit| {
        let page = state.provider.account_page(&visit).await?;
        let revoked = value(&params, "done") == Some("revoked");
        Ok(AccountView::new(page, visit.csrf, revoked, visit.locale).respond())
    })
    .await
}

/// `GET /account/sign-in`: the ordinary way to sign in, and back.
pub(super) async fn sign_in(
    State(state): State<AppState>,
    params: Result<QueryParams, OAuthFailure>,
) -> Response {
    let params = readable(params);
    let page = value(&params, "page").filter(|page| PAGES.iter().any(|(name, _)| name == page));
    see_other(&state.provider.account_sign_in(page.unwrap_or("account"), value(&params, "again").is_some()))
}

/// `GET /account/phones/new`: a ticket, or why there is none, or the phone enrolled since `since`.
pub(super) async fn new_phone(
    State(state): State<AppState>,
    headers: HeaderMap,
    params: Result<QueryParams, OAuthFailure>,
) -> Response {
    let params = readable(params);
    let since = value(&params, "since").and_then(|text| text.parse().ok()).map(UnixTime::from_secs);
    page(&state, &headers, ("phones", false), async |visit| {
        let locale = visit.locale;
        if let Some(since) = since
            && let Some(phone) = state.provider.phone_enrolled_since(&visit, since).await?
        {
            return Ok(NewPhoneView::enrolled(phone, locale).respond());
        }
        let since = since.unwrap_or_else(|| state.provider.now());
        let refresh = format!("/account/phones/new?since={}", since.secs());
        Ok(match state.provider.draw_ticket(&visit).await? {
            Ok(drawn) => NewPhoneView::ticket(&drawn, refresh, locale),
            Err(refusal) => NewPhoneView::refused(refusal, locale),
        }
        .respond())
    })
    .await
}

/// `POST /account/phones/{id}/revoke`.
pub(super) async fn revoke_phone(
    State(state): State<AppState>,
    Identifier(id): Identifier<DeviceId>,
    headers: HeaderMap,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    page(&state, &headers, ("account", false), async |visit| {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let csrf = params.get("csrf")?.unwrap_or("");
        let id = id.ok_or(TurnError::Gone)?;
        let revoked = state.provider.revoke_from_account(&visit, csrf, id).await?;
        Ok(see_other(if revoked { "/account?done=revoked" } else { "/account" }))
    })
    .await
}

/// `GET /q/{id}` and `GET /e`: what a camera opens instead of the app. Nothing is looked up.
pub(super) async fn open_app(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let languages = browser_state(&state, &headers, None).languages;
    OpenAppView::new(Locale::choose(languages.iter().map(String::as_str))).respond()
}

/// A page for who is signed in; others are sent to sign in first and come back to the page called `name`.
pub(super) async fn page<F: Future<Output = Result<Response, TurnError>>>(
    state: &AppState,
    headers: &HeaderMap,
    (name, refused): (&str, bool),
    shown: impl FnOnce(AccountVisit) -> F,
) -> Response {
    let browser = browser_state(state, headers, None);
    let locale = Locale::choose(browser.languages.iter().map(String::as_str));
    let done = match state.provider.account_visit(&browser).await {
        Ok(Some(visit)) => shown(visit).await,
        // Whoever cancelled is not asked again at once.
        Ok(None) if refused => Err(TurnError::Gone),
        Ok(None) => Ok(see_other(&state.provider.account_sign_in(name, false))),
        Err(error) => Err(error.into()),
    };
    done.unwrap_or_else(|error| failure_page(error, locale, Some("")))
}

fn page_of(state: Option<&str>) -> &'static str {
    PAGES.iter().find(|(name, _)| Some(*name) == state).map_or("/account", |(_, page)| page)
}

/// A query that cannot be read says nothing.
pub(super) fn readable(params: Result<QueryParams, OAuthFailure>) -> RawParams {
    params.map_or_else(|_| RawParams::from_pairs([]), |QueryParams(params)| params)
}

pub(super) fn value<'a>(params: &'a RawParams, name: &str) -> Option<&'a str> {
    params.get(name).ok().flatten()
}
