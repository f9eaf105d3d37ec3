//! The page that shows the QR code of a request which no phone has claimed. The number is not on it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::PageFrame;
use super::page_headers::page_headers;
use super::page_text::Texts;
use super::qr_code::QrCode;

/// What the page says.
pub(crate) struct QrPage {
    /// Name of the service.
    pub(crate) service: String,
    /// What the code says, also to be copied.
    pub(crate) text: String,
    /// Seconds the request still lives.
    pub(crate) expires_in: u64,
    /// The page of the interaction.
    pub(crate) address: String,
    /// Anti-forgery value.
    pub(crate) csrf: String,
}

impl QrPage {
    /// The response that shows it.
    pub(crate) fn respond(self, frame: &PageFrame) -> Response {
        let headers = page_headers(frame.locale, frame.form_targets.iter().map(String::as_str));
        let Self { service, text, expires_in, address, csrf } = self;
        let view = QrView {
            t: Texts::new(frame.locale),
            switch_url: frame.switch_url.as_deref(),
            code: QrCode::of(&text),
            left: format!("{}:{:02}", expires_in / 60, expires_in % 60),
            service,
            text,
            expires_in,
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
#[template(path = "qr.html", config = ".askama.toml")]
struct QrView<'a> {
    t: Texts,
    switch_url: Option<&'a str>,
    service: String,
    code: QrCode,
    text: String,
    expires_in: u64,
    left: String,
    address: String,
    csrf: String,
}
