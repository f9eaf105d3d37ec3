//! `/account/links`: accounts at other providers that open the person's own, and services allowed to know them. Every change
//! is a form with the token of the session, answered 303.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::account::{page, readable, value};
use super::extract::{FormParams, Identifier, PeerOrigin, QueryParams, browser_state};
use super::respond::{LinksDone, LinksView, OAuthFailure, see_other, setback_page, unlinked_page};
use super::state::AppState;
use crate::base::LinkId;
use crate::flow::{LinkBegun, TurnError};
use crate::interaction::Locale;
use crate::oidc::LogoutReturn;

/// Address of the page.
pub(super) const PAGE: &str = "/account/links";
/// The page as a sign-in names it.
const NAME: &str = "links";

/// `GET /account/links`.
pub(super) async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
    params: Result<QueryParams, OAuthFailure>,
) -> Response {
    let params = readable(params);
    let done = LinksDone::named(value(&params, "done"));
    if done == Some(LinksDone::Unlinked) {
        // The session ended with the link: that is said before the person is asked to sign in again.
        let browser = browser_state(&state, &headers, None);
        if let Ok(None) = state.provider.account_visit(&browser).await {
            return unlinked_page(Locale::choose(browser.languages.iter().map(String::as_str)));
        }
    }
    page(&state, &headers, (NAME, false), async |visit| {
        let links = state.provider.links_page(&visit).await?;
        Ok(LinksView::new(links, visit.csrf, done, visit.locale).respond())
    })
    .await
}

/// `POST /account/links`: to the provider chosen.
pub(super) async fn begin(
    State(state): State<AppState>,
    headers: HeaderMap,
    PeerOrigin(origin): PeerOrigin,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    page(&state, &headers, (NAME, false), async |visit| {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let chosen = (params.get("provider")?.unwrap_or(""), params.get("csrf")?.unwrap_or(""));
        Ok(match state.provider.begin_link(&visit, chosen, &origin).await? {
            // RFC 9700 4.12: never 307, which would repeat the form there.
            LinkBegun::Leave(url) => see_other(url.as_str()),
            LinkBegun::SignInAgain => see_other(&state.provider.account_sign_in(NAME, true)),
            LinkBegun::NotOffered => see_other(PAGE),
            LinkBegun::Failed(setback) => setback_page(&setback),
        })
    })
    .await
}

/// `POST /account/links/sign-out`: at the provider whose account was just linked.
pub(super) async fn sign_out(
    State(state): State<AppState>,
    headers: HeaderMap,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    page(&state, &headers, (NAME, false), async |visit| {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let asked = (params.get("csrf")?.unwrap_or(""), "/account/links?done=signed-out");
        Ok(match state.provider.sign_out_there(&visit, asked).await? {
            Some(LogoutReturn::Redirect(there)) => see_other(&there),
            Some(LogoutReturn::Stay | LogoutReturn::Refused) | None => {
                see_other("/account/links?done=signed-in-there")
            }
        })
    })
    .await
}

/// `POST /account/links/{id}/revoke`.
pub(super) async fn unlink(
    State(state): State<AppState>,
    Identifier(id): Identifier<LinkId>,
    headers: HeaderMap,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    page(&state, &headers, (NAME, false), async |visit| {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let csrf = params.get("csrf")?.unwrap_or("");
        let removed = state.provider.unlink_from_account(&visit, csrf, id).await?;
        Ok(see_other(if removed { "/account/links?done=unlinked" } else { PAGE }))
    })
    .await
}

/// `POST /account/consents/revoke`: the service is a field, since its identifier may hold anything.
pub(super) async fn withdraw(
    State(state): State<AppState>,
    headers: HeaderMap,
    form: Result<FormParams, OAuthFailure>,
) -> Response {
    page(&state, &headers, (NAME, false), async |visit| {
        let FormParams(params) = form.map_err(OAuthFailure::into_turn)?;
        let csrf = params.get("csrf")?.unwrap_or("");
        let client = params.get("client")?.unwrap_or("").parse().ok();
        let on_behalf_of = match params.get("on_behalf_of")?.filter(|text| !text.is_empty()) {
            Some(text) => Some(text.parse().map_err(|_| TurnError::Gone)?),
            None => None,
        };
        let subject = (client, on_behalf_of);
        let withdrawn = state.provider.withdraw_from_account(&visit, csrf, subject).await?;
        Ok(see_other(if withdrawn { "/account/links?done=withdrawn" } else { PAGE }))
    })
    .await
}
