//! The pages people see, rendered on the server and usable without JavaScript (design decision 23).
//!
//! RFC 9700 4.16 and 4.2.4; OAuth 2.0 Form Post Response Mode 2. Whoever calls decides what to show; nothing
//! here does. Texts are in `page_text`, headers in `page_headers`.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::page_headers::page_headers;
use super::page_text::Texts;
use super::page_words::{ErrorTitle, IdentifyNotice, logged_out_text_ids, setback_text_ids};
use crate::flow::{OfferedProvider, SetbackReturn, SetbackSentence};
use crate::interaction::Locale;

/// What a page is shown in.
pub struct PageFrame {
    /// Language.
    pub locale: Locale,
    /// Where a form may end besides us: the client's `redirect_uri` or its origin.
    pub form_targets: Vec<String>,
    /// Address of the same page in the other language.
    pub switch_url: Option<String>,
}

/// A page. `action` addresses receive a POST with the hidden field `csrf`.
pub enum Page {
    /// Asks who the person is: field `identifier`.
    Identify {
        /// Name of the service.
        service: String,
        /// Where the form goes.
        action: String,
        /// Where the form that asks for a QR code goes.
        qr_action: String,
        /// Where giving up goes.
        cancel_action: String,
        /// Anti-forgery value.
        csrf: String,
        /// Why it is asked again.
        notice: Option<IdentifyNotice>,
        /// Other identity providers: identifier and name; the form posts `provider`.
        providers: Vec<OfferedProvider>,
        /// Where that form goes.
        federate_action: String,
        /// Whether the phone is asked about at all.
        phone: bool,
    },
    /// Says that another identity provider did not sign the person in, and leads back.
    Setback {
        /// What happened.
        sentence: SetbackSentence,
        /// The provider's name.
        provider: String,
        /// What support finds in the log.
        reference: String,
        /// Where it began.
        back: SetbackReturn,
    },
    /// Shows the number to type on the phone, and waits.
    Number {
        /// Name of the service.
        service: String,
        /// The number; none when the phone only confirms.
        number: Option<String>,
        /// Seconds the approval still lives.
        expires_in: u64,
        /// Answers `{"status":"waiting"|"done"}`, holding the answer back while waiting.
        status_url: String,
        /// Where to go on.
        resume_url: String,
        /// Where giving up goes.
        cancel_action: String,
        /// Anti-forgery value.
        csrf: String,
    },
    /// Asks whether the service may know: field `decision`, `allow` or `deny`.
    Consent {
        /// Name of the service.
        service: String,
        /// Names of the scopes.
        scopes: Vec<String>,
        /// The person's name.
        identity: String,
        /// The name of the one for whom they act, whom the scopes are about.
        on_behalf_of: Option<String>,
        /// Where the form goes.
        action: String,
        /// Anti-forgery value.
        csrf: String,
    },
    /// Asks whether to sign out: fields `ticket` and `decision`, `logout` or `stay`.
    Logout {
        /// Name of the service that asks, when known.
        service: Option<String>,
        /// Where the form goes.
        action: String,
        /// The request, sealed.
        ticket: String,
        /// Anti-forgery value.
        csrf: String,
    },
    /// Says that the person is signed out, or still signed in.
    LoggedOut {
        /// The session has ended.
        ended: bool,
        /// What went wrong besides, for the developer of the service.
        detail: Option<&'static str>,
    },
    /// Says what went wrong.
    Error {
        /// What, for the person.
        title: ErrorTitle,
        /// What support finds in the log; not shown when empty.
        reference: String,
        /// What, for the developer of the service.
        detail: Option<&'static str>,
        /// Where to try again; empty: at the address of this page.
        again: Option<String>,
    },
    /// Carries the answer to the service (OAuth 2.0 Form Post Response Mode 2).
    FormPost {
        /// The service's address.
        action: String,
        /// Names and values.
        fields: Vec<(String, String)>,
    },
}

impl Page {
    /// The response that shows this page.
    pub fn respond(self, frame: &PageFrame, status: StatusCode) -> Response {
        // The answer goes straight to the service, whatever the frame names.
        let own_target = if let Self::FormPost { action, .. } = &self { Some(action.clone()) } else { None };
        let targets = frame.form_targets.iter().chain(&own_target).map(String::as_str);
        let headers = page_headers(frame.locale, targets);
        match self.render(Texts::new(frame.locale), frame.switch_url.as_deref()) {
            Ok(html) => (status, headers, html).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    fn render(self, t: Texts, switch_url: Option<&str>) -> askama::Result<String> {
        match self {
            #[rustfmt::skip]
            Self::Identify { service, action, qr_action, cancel_action, csrf, notice, providers, federate_action, phone } => {
                let faulty = matches!(notice, Some(IdentifyNotice::ElevenDigits | IdentifyNotice::Malformed));
                let notice = notice.map(IdentifyNotice::text_id);
                let view = IdentifyView {
                    t, switch_url, service, action, qr_action, cancel_action, csrf, notice, faulty, providers,
                    federate_action, phone,
                };
                view.render()
            }
            Self::Setback { sentence, provider, reference, back } => {
                let (title, explanation, back_text) = setback_text_ids(sentence, back);
                let back = match back {
                    SetbackReturn::Interaction(id) => format!("/interaction/{id}"),
                    SetbackReturn::Links => String::from("/account/links"),
                };
                SetbackView { t, switch_url, title, explanation, provider, reference, back, back_text }
                    .render()
            }
            Self::Number { service, number, expires_in, status_url, resume_url, cancel_action, csrf } => {
                let left = format!("{}:{:02}", expires_in / 60, expires_in % 60);
                #[rustfmt::skip]
                let view = NumberView {
                    t, switch_url, service, number, expires_in, left, status_url, resume_url, cancel_action, csrf,
                };
                view.render()
            }
            Self::Consent { service, scopes, identity, on_behalf_of, action, csrf } => {
                let asks = match &on_behalf_of {
                    Some(about) => {
                        t.with_both("consent-service-about", ["service", "person"], [&service, about])
                    }
                    None => t.with("consent-service", "service", &service),
                };
                let scopes = scopes.iter().map(|scope| t.scope(scope, on_behalf_of.is_some())).collect();
                ConsentView { t, switch_url, asks, scopes, identity, on_behalf_of, action, csrf }.render()
            }
            Self::Logout { service, action, ticket, csrf } => {
                LogoutView { t, switch_url, service, action, ticket, csrf }.render()
            }
            Self::LoggedOut { ended, detail } => {
                let (title, explanation) = logged_out_text_ids(ended);
                LoggedOutView { t, switch_url, title, explanation, detail }.render()
            }
            Self::Error { title, reference, detail, again } => {
                let (heading, explanation) = title.text_ids();
                let explanation = match title {
                    ErrorTitle::TooMany { seconds } => t.with(explanation, "wait", &t.duration(seconds)),
                    _ => t.say(explanation),
                };
                ErrorView { t, switch_url, title: heading, explanation, reference, detail, again }.render()
            }
            Self::FormPost { action, fields } => FormPostView { t, switch_url, action, fields }.render(),
        }
    }
}

#[derive(Template)]
#[template(path = "identify.html", config = ".askama.toml")]
struct IdentifyView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    service: String,
    action: String,
    qr_action: String,
    cancel_action: String,
    csrf: String,
    notice: Option<&'static str>,
    faulty: bool,
    providers: Vec<OfferedProvider>,
    federate_action: String,
    phone: bool,
}

#[derive(Template)]
#[template(path = "setback.html", config = ".askama.toml")]
struct SetbackView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    title: &'static str,
    explanation: &'static str,
    provider: String,
    reference: String,
    back: String,
    back_text: &'static str,
}

#[derive(Template)]
#[template(path = "number.html", config = ".askama.toml")]
struct NumberView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    service: String,
    number: Option<String>,
    expires_in: u64,
    left: String,
    status_url: String,
    resume_url: String,
    cancel_action: String,
    csrf: String,
}

#[derive(Template)]
#[template(path = "consent.html", config = ".askama.toml")]
struct ConsentView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    asks: String,
    scopes: Vec<String>,
    identity: String,
    on_behalf_of: Option<String>,
    action: String,
    csrf: String,
}

#[derive(Template)]
#[template(path = "logout.html", config = ".askama.toml")]
struct LogoutView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    service: Option<String>,
    action: String,
    ticket: String,
    csrf: String,
}

#[derive(Template)]
#[template(path = "logged_out.html", config = ".askama.toml")]
struct LoggedOutView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    title: &'static str,
    explanation: &'static str,
    detail: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "error.html", config = ".askama.toml")]
struct ErrorView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    title: &'static str,
    explanation: String,
    reference: String,
    detail: Option<&'static str>,
    again: Option<String>,
}

#[derive(Template)]
#[template(path = "form_post.html", config = ".askama.toml")]
struct FormPostView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    action: String,
    fields: Vec<(String, String)>,
}
