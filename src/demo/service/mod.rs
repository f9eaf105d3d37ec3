//! The sample service "Dossier patient": an ordinary relying party (OpenID Connect Core 3.1) that knows of the provider
//! nothing but its issuer identifier, its own client identifier and its secret.
//!
//! One page with two doors: professionals, and patients who are asked for their consent; each is a client of its own. Logout
//! ends the session at the provider too. Sessions are in memory, under an own cookie. It leaves out what the demonstration
//! has no use for: refresh, more than one process.

mod page;
mod relying_party;
mod sessions;
mod signed_in;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use serde::Deserialize;

use super::Showcase;
use super::clients::{PATIENT_CLIENT, SERVICE_CLIENT};
use crate::base::Entropy;
use crate::interaction::Locale;
use page::page;
use relying_party::{LoginError, RelyingParty};
use sessions::{Session, Sessions};

const COOKIE: &str = "dossier-session";

/// The service.
pub(super) struct Service {
    professionals: RelyingParty,
    patients: RelyingParty,
    sessions: Sessions,
    phone_page: String,
    account: String,
}

impl Service {
    /// The service of a demonstration, with the secrets it was registered with.
    pub(super) fn new(showcase: &Showcase, entropy: &Arc<dyn Entropy>) -> anyhow::Result<Arc<Self>> {
        let addresses = &showcase.addresses;
        Ok(Arc::new(Self {
            professionals: RelyingParty::new(addresses, showcase.client(SERVICE_CLIENT)?, &["scope_all"])?,
            patients: RelyingParty::new(addresses, showcase.client(PATIENT_CLIENT)?, &PATIENT_SCOPES)?,
            sessions: Sessions::new(Arc::clone(entropy)),
            phone_page: addresses.phone.clone(),
            account: format!("{}/account", addresses.issuer),
        }))
    }
}

/// The routes of the service.
pub(super) fn service_router(service: Arc<Service>) -> Router {
    let style = || async { file("text/css; charset=utf-8", include_str!("service.css")) };
    let seal = || async { file("image/svg+xml", include_str!("../../http/assets/seal.svg")) };
    Router::new()
        .route("/", get(show))
        .route("/login", get(login))
        .route("/callback", get(callback))
        .route("/patient/login", get(patient_login))
        .route("/patient/callback", get(patient_callback))
        .route("/logout", post(logout))
        .route("/service.css", get(style))
        .route("/seal.svg", get(seal))
        .with_state(service)
}

async fn show(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    let session = service.sessions.get(presented(&headers).as_deref()).unwrap_or_default();
    match page(&session, locale(&headers), (&service.phone_page, &service.account)) {
        Ok(html) => {
            let headers: [(HeaderName, &str); 6] = [
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CONTENT_SECURITY_POLICY, POLICY),
                (CACHE_CONTROL, "no-store"),
                (REFERRER_POLICY, "no-referrer"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (VARY, "accept-language"),
            ];
            (headers, html).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn login(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    begin(&service, &service.professionals, &headers).await
}

async fn patient_login(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    begin(&service, &service.patients, &headers).await
}

/// Sends the browser to the provider, and remembers what its answer must match.
async fn begin(service: &Service, party: &RelyingParty, headers: &HeaderMap) -> Response {
    let old = presented(headers);
    match party.begin(locale(headers)).await {
        Ok((address, pending)) => {
            let session = Session { pending: Some(pending), ..Session::default() };
            moved(address.as_str(), &service.sessions.replace(old.as_deref(), session))
        }
        Err(error) => failed(service, old.as_deref(), &error),
    }
}

/// The provider's answer (RFC 6749 4.1.2, RFC 9207 2).
#[derive(Deserialize)]
struct Callback {
    state: Option<String>,
    iss: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

async fn callback(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    Query(answer): Query<Callback>,
) -> Response {
    come_back(&service, &service.professionals, &headers, answer).await
}

async fn patient_callback(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    Query(answer): Query<Callback>,
) -> Response {
    come_back(&service, &service.patients, &headers, answer).await
}

async fn come_back(
    service: &Service,
    party: &RelyingParty,
    headers: &HeaderMap,
    answer: Callback,
) -> Response {
    let old = presented(headers);
    // Taken out: an answer serves once.
    let pending = service.sessions.take_pending(old.as_deref());
    let finished = async {
        let pending = pending.ok_or(LoginError::NotAsked)?;
        // RFC 6749 10.12 and RFC 9207 2.4, before anything else is believed.
        if answer.state.as_deref() != Some(pending.state()) || answer.iss.as_deref() != Some(party.issuer()) {
            return Err(LoginError::NotAsked);
        }
        match (answer.code, answer.error) {
            (Some(code), None) => party.finish(code, &pending).await,
            (_, Some(error)) => Err(LoginError::Refused(error)),
            (None, None) => Err(LoginError::NotAsked),
        }
    };
    match finished.await {
        Ok(person) => {
            let session = Session { person: Some(Arc::new(person)), ..Session::default() };
            // A new identifier: the one from before the login is worth nothing.
            moved("/", &service.sessions.replace(old.as_deref(), session))
        }
        Err(error) => failed(service, old.as_deref(), &error),
    }
}

/// Here first, then at the provider, which comes back.
async fn logout(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    let id = presented(&headers);
    let person = service.sessions.get(id.as_deref()).and_then(|session| session.person);
    service.sessions.remove(id.as_deref());
    let mut next = String::from("/");
    if let Some(person) = person {
        let party = if person.is_patient() { &service.patients } else { &service.professionals };
        match party.farewell(&person).await {
            Ok(address) => next = address.into(),
            Err(error) => tracing::info!(%error, "the sample service cannot end the session at the provider"),
        }
    }
    let mut gone = Cookie::new(COOKIE, "");
    gone.set_path("/");
    gone.make_removal();
    (StatusCode::SEE_OTHER, [(LOCATION, next), (SET_COOKIE, gone.to_string())]).into_response()
}

fn failed(service: &Service, old: Option<&str>, error: &LoginError) -> Response {
    tracing::info!(%error, "the sample service did not sign anybody in");
    let session = Session { error: Some(error.code().to_owned()), ..Session::default() };
    moved("/", &service.sessions.replace(old, session))
}

/// A redirect that sets the session cookie. `Lax`: the provider's answer comes from another origin.
fn moved(address: &str, session: &str) -> Response {
    let cookie = Cookie::build((COOKIE, session)).path("/").http_only(true).same_site(SameSite::Lax);
    let headers = [(LOCATION, address.to_owned()), (SET_COOKIE, cookie.to_string())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn presented(headers: &HeaderMap) -> Option<String> {
    CookieJar::from_headers(headers).get(COOKIE).map(|cookie| cookie.value().to_owned())
}

fn locale(headers: &HeaderMap) -> Locale {
    let sent = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    Locale::choose(sent.split(',').filter_map(|part| part.split(';').next()).map(str::trim))
}

fn file(content_type: &'static str, text: &'static str) -> ([(HeaderName, &'static str); 2], &'static str) {
    ([(CONTENT_TYPE, content_type), (X_CONTENT_TYPE_OPTIONS, "nosniff")], text)
}

/// Chromium holds each step of a redirection after a form against `form-action`: the logout passes the provider, and those
/// above it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
    form-action 'self' http://localhost:*; base-uri 'none'; frame-ancestors 'none'";

/// What the door of patients asks for beside `openid`.
const PATIENT_SCOPES: [&str; 3] = ["identite_pivot", "ins", "email"];
