//! What a browser shows of itself: its cookies and languages.

use axum::http::{HeaderMap, header};
use axum_extra::extract::cookie::CookieJar;

use crate::base::{InteractionId, Secret};
use crate::flow::{BrowserInteraction, BrowserState, Origin};
use crate::http::state::AppState;
use crate::interaction::Locale;

/// Name of the session cookie.
#[must_use]
pub(crate) fn session_cookie(state: &AppState) -> &'static str {
    if state.secure_cookies() { "__Host-sceau-session" } else { "sceau-session" }
}

/// Name of the cookie that says who has signed in on a browser before (design decision 12).
#[must_use]
pub(crate) fn known_cookie(state: &AppState) -> &'static str {
    if state.secure_cookies() { "__Host-sceau-known" } else { "sceau-known" }
}

/// Name of an interaction's cookie: each has its own (design decision 11).
#[must_use]
pub(crate) fn interaction_cookie(state: &AppState, id: InteractionId) -> String {
    let prefix = if state.secure_cookies() { "__Host-" } else { "" };
    format!("{prefix}sceau-i-{}", id.uuid().simple())
}

/// Reads cookies and languages.
pub(crate) fn browser_state(
    state: &AppState,
    headers: &HeaderMap,
    interaction: Option<InteractionId>,
) -> BrowserState {
    let jar = CookieJar::from_headers(headers);
    let value = |name: &str| jar.get(name).map(|cookie| Secret::new(cookie.value().to_owned()));
    BrowserState {
        session: value(session_cookie(state)),
        interaction: interaction.and_then(|id| value(&interaction_cookie(state, id))),
        known: value(known_cookie(state)),
        languages: languages(headers),
        origin: Origin::default(),
    }
}

/// Every interaction whose cookie the browser shows; no more than it could have begun in earnest.
pub(crate) fn browser_interactions(state: &AppState, headers: &HeaderMap) -> Vec<BrowserInteraction> {
    let jar = CookieJar::from_headers(headers);
    let prefix = if state.secure_cookies() { "__Host-sceau-i-" } else { "sceau-i-" };
    let shown = jar.iter().filter_map(|cookie| {
        let uuid = uuid::Uuid::try_parse(cookie.name().strip_prefix(prefix)?).ok()?;
        let cookie = Secret::new(cookie.value().to_owned());
        Some(BrowserInteraction { id: InteractionId::from_uuid(uuid), cookie })
    });
    shown.take(MAX_INTERACTIONS).collect()
}

const MAX_INTERACTIONS: usize = 16;

/// The language of a page that belongs to no interaction.
pub(crate) fn accepted_locale(headers: &HeaderMap) -> Locale {
    Locale::choose(languages(headers).iter().map(String::as_str))
}

/// `Accept-Language` tags in the order sent; weights are given in that order by every browser (RFC 9110 12.5.4).
fn languages(headers: &HeaderMap) -> Vec<String> {
    let value = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let tags = value.split(',').filter_map(|part| part.split(';').next()).map(str::trim);
    tags.filter(|tag| !tag.is_empty()).take(8).map(str::to_owned).collect()
}
