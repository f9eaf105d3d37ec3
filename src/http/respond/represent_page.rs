//! The page that asks for whom a person acts: themself, or somebody else. The names are on this page alone.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::PageFrame;
use super::page_headers::page_headers;
use super::page_text::Texts;
use crate::flow::OfferedPerson;

/// What the page says. Its form posts `who`: `self`, or the identifier of somebody offered.
pub(crate) struct RepresentPage {
    /// Name of the service.
    pub(crate) service: String,
    /// The person's name.
    pub(crate) identity: String,
    /// Whether they may act for themself.
    pub(crate) oneself: bool,
    /// For whom else.
    pub(crate) others: Vec<OfferedPerson>,
    /// The page of the interaction.
    pub(crate) address: String,
    /// Anti-forgery value.
    pub(crate) csrf: String,
}

impl RepresentPage {
    /// The response that shows it.
    pub(crate) fn respond(self, frame: &PageFrame) -> Response {
        let headers = page_headers(frame.locale, frame.form_targets.iter().map(String::as_str));
        let Self { service, identity, oneself, others, address, csrf } = self;
        let view = RepresentView {
            t: Texts::new(frame.locale),
            switch_url: frame.switch_url.as_deref(),
            service,
            identity,
            oneself,
            others,
            address,
            csrf,
        };
        match view.render() {
            Ok(html) => (StatusCode::OK, headers, html).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

#[derive(Template)]
#[template(path = "represent.html", config = ".askama.toml")]
struct RepresentView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    service: String,
    identity: String,
    oneself: bool,
    others: Vec<OfferedPerson>,
    address: String,
    csrf: String,
}
