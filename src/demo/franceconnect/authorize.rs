//! The authorization endpoint (OpenID Connect Core 3.1.2; RFC 7636 4.3; RFC 9207 2) and the answer of the person, with
//! FranceConnect's refusals: a page with a code, or an error for the bridge.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use url::Url;

use super::page::{Failure, choice_page, error_page};
use super::redeem::Granted;
use super::{CLIENT_ID, FranceConnect};
use crate::federation::Preset;
use crate::identity::Acr;
use crate::interaction::Locale;
use crate::oauth::{CodeChallenge, OAuthError, RawParams, ScopeSet};

/// How long a request waits for the person.
const INTERACTION: Duration = Duration::from_mins(10);
/// Life of a code.
const CODE: Duration = Duration::from_secs(30);
/// Characters of `state` and `nonce`, at least.
const SHORTEST: usize = 32;

/// A request that can be answered.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) challenge: Option<CodeChallenge>,
    pub(super) scope: ScopeSet,
    pub(super) acr: Acr,
    /// Whether `amr` is told.
    pub(super) amr: bool,
    pub(super) locale: Locale,
}

/// Why a request is refused.
pub(super) enum Refusal {
    /// To the person. The address of the client is not to be trusted.
    Page(Failure),
    /// To the client: error and description (RFC 6749 4.1.2.1), with its `state`.
    Back(&'static str, String, String),
}

impl From<OAuthError> for Refusal {
    fn from(_: OAuthError) -> Self {
        MALFORMED
    }
}

const MALFORMED: Refusal = Refusal::Page(Failure::Malformed);

pub(super) async fn by_query(
    State(provider): State<Arc<FranceConnect>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    provider.ask(query.unwrap_or_default().as_bytes(), &headers)
}

pub(super) async fn by_form(
    State(provider): State<Arc<FranceConnect>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    provider.ask(&body, &headers)
}

/// The person has chosen who to be, or to go back.
pub(super) async fn chosen(
    State(provider): State<Arc<FranceConnect>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = provider.now();
    let locale = locale(None, &headers);
    let Some(asked) = provider.waiting.take(&id, now) else {
        return error_page(Failure::Lost, locale);
    };
    let choice = RawParams::parse(&body).ok();
    let choice = choice.as_ref().and_then(|params| params.get("identity").ok().flatten());
    let Some(choice) = choice else {
        let refusal = ("access_denied", String::from("user authentication aborted"), asked.state);
        return provider.refuse(Refusal::Back(refusal.0, refusal.1, refusal.2), locale);
    };
    let Some(person) = provider.people.iter().position(|person| person.reference == choice) else {
        return error_page(Failure::Nobody, locale);
    };
    let (code, state) = (provider.draw(), asked.state.clone());
    provider.codes.put(&code, now.plus(CODE), Granted { asked, person, at: now });
    provider.back(&[("code", &code), ("state", &state)])
}

impl FranceConnect {
    /// Shows the people to choose from, or refuses.
    fn ask(&self, parameters: &[u8], headers: &HeaderMap) -> Response {
        let now = self.now();
        match RawParams::parse(parameters)
            .map_err(Refusal::from)
            .and_then(|params| read(self, &params, headers))
        {
            Ok(asked) => {
                let (id, locale, acr) = (self.draw(), asked.locale, asked.acr);
                self.waiting.put(&id, now.plus(INTERACTION), asked);
                choice_page(&id, &self.people, acr, locale)
            }
            Err(refusal) => self.refuse(refusal, locale(None, headers)),
        }
    }

    fn refuse(&self, refusal: Refusal, locale: Locale) -> Response {
        match refusal {
            Refusal::Page(failure) => error_page(failure, locale),
            Refusal::Back(error, description, state) => {
                self.back(&[("error", error), ("error_description", &description), ("state", &state)])
            }
        }
    }

    /// The answer to the client, which names us (RFC 9207 2).
    fn back(&self, answer: &[(&str, &str)]) -> Response {
        let Ok(mut url) = Url::parse(&self.client.redirect_uri) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        url.query_pairs_mut().extend_pairs(answer).append_pair("iss", &self.issuer);
        redirect(url.as_str())
    }
}

/// 303: what was posted here is not repeated there (RFC 9700 4.12).
pub(super) fn redirect(location: &str) -> Response {
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn read(provider: &FranceConnect, params: &RawParams, headers: &HeaderMap) -> Result<Asked, Refusal> {
    if params.require("client_id")? != CLIENT_ID {
        return Err(Refusal::Page(Failure::UnknownClient));
    }
    // RFC 6749 4.1.2.1: never redirected to, byte for byte (RFC 9700 4.1.3).
    if params.require("redirect_uri")? != provider.client.redirect_uri {
        return Err(Refusal::Page(Failure::UnknownAddress));
    }
    let (state, nonce) = (params.require("state")?, params.require("nonce")?);
    let levels = params.require("acr_values")?;
    if state.len() < SHORTEST || nonce.len() < SHORTEST {
        return Err(MALFORMED);
    }
    let mut prompts = params.get("prompt")?.unwrap_or("").split_whitespace();
    if !prompts.all(|prompt| matches!(prompt, "login" | "consent")) {
        return Err(MALFORMED);
    }
    let back = |error, said: &str| Refusal::Back(error, said.to_owned(), state.to_owned());
    if params.require("response_type")? != "code" {
        return Err(back("unsupported_response_type", "only code is supported"));
    }
    let scope = ScopeSet::parse(params.require("scope")?).map_err(|_| MALFORMED)?;
    if !scope.contains("openid") {
        return Err(back("invalid_request", "openid scope must be requested"));
    }
    let served = Preset::FranceConnectPlus.acr_values();
    let known = levels.split_whitespace().filter(|level| served.contains(level));
    // The lowest known level is the floor.
    let acr = known.filter_map(|level| level.parse::<Acr>().ok()).min().ok_or_else(|| {
        let expected = served.join(",");
        back(
            "invalid_acr",
            &format!("acr_value is not valid, should be equal one of these values, expected {expected}, got {levels}"),
        )
    })?;
    let challenge = CodeChallenge::parse(params.get("code_challenge")?, params.get("code_challenge_method")?)
        .map_err(|_| back("invalid_request", "code_challenge_method must be S256"))?;
    let claims: Value = match params.get("claims")? {
        Some(text) => {
            serde_json::from_str(text).map_err(|_| back("invalid_request", "claims is not JSON"))?
        }
        None => Value::Null,
    };
    Ok(Asked {
        state: state.to_owned(),
        nonce: nonce.to_owned(),
        challenge,
        scope,
        acr,
        amr: claims.pointer("/id_token/amr").is_some(),
        locale: locale(params.get("ui_locales")?, headers),
    })
}

/// The language asked for, by the client or by the browser.
pub(super) fn locale(asked: Option<&str>, headers: &HeaderMap) -> Locale {
    let sent = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let sent = sent.split(',').filter_map(|part| part.split(';').next()).map(str::trim);
    Locale::choose(asked.unwrap_or("").split_whitespace().chain(sent))
}
