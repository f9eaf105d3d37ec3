//! The page that asks for an e-mail address, for a service that wants one of everybody.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::PageFrame;
use super::page_headers::page_headers;
use super::page_text::Texts;
use crate::identity::EmailFault;

/// What the page says. Its form posts `email`.
pub struct EmailPage {
    /// Name of the service.
    pub service: String,
    /// What was typed, and why it is refused.
    pub refused: Option<(EmailFault, String)>,
    /// The page of the interaction.
    pub address: String,
    /// Anti-forgery value.
    pub csrf: String,
}

impl EmailPage {
    /// The response that shows it.
    #[must_use]
    pub fn respond(self, frame: &PageFrame) -> Response {
        let headers = page_headers(frame.locale, frame.form_targets.iter().map(String::as_str));
        let Self { service, refused, address, csrf } = self;
        let (notice, typed) = refused.map_or((None, String::new()), |(fault, typed)| {
            // As much as an address can be: the rest of what was sent is not worth sending back.
            (Some(text_id(fault)), typed.chars().take(SHOWN).collect())
        });
        let view = EmailView {
            t: Texts::new(frame.locale),
            switch_url: frame.switch_url.as_deref(),
            service,
            notice,
            typed,
            address,
            csrf,
        };
        match view.render() {
            Ok(html) => (StatusCode::OK, headers, html).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

const SHOWN: usize = 254;

const fn text_id(fault: EmailFault) -> &'static str {
    match fault {
        EmailFault::Empty => "email-empty",
        EmailFault::TooLong => "email-too-long",
        EmailFault::NoAt => "email-no-at",
        EmailFault::Characters => "email-characters",
        EmailFault::Domain => "email-domain",
    }
}

#[derive(Template)]
#[template(path = "email.html", config = ".askama.toml")]
struct EmailView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    service: String,
    notice: Option<&'static str>,
    typed: String,
    address: String,
    csrf: String,
}
