//! The pages of a person's own account, and the page behind the addresses of QR codes.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::page_headers::page_headers;
use super::page_text::Texts;
use super::qr_code::QrCode;
use crate::base::DeviceId;
use crate::device::Device;
use crate::flow::{AccountPage, DrawnTicket, TicketRefusal};
use crate::interaction::Locale;

/// A phone in the list.
struct PhoneRow {
    id: DeviceId,
    name: String,
    model: String,
    serial: String,
    until: String,
    current: bool,
}

/// The first page: who is signed in, and their phones.
#[derive(Template)]
#[template(path = "account.html", config = ".askama.toml")]
pub(crate) struct AccountView {
    t: Texts,
    switch_url: Option<&'static str>,
    name: String,
    phones: Vec<PhoneRow>,
    csrf: String,
    revoked: bool,
    locale: Locale,
}

impl AccountView {
    pub(crate) fn new(page: AccountPage, csrf: String, revoked: bool, locale: Locale) -> Self {
        let (t, current) = (Texts::new(locale), page.current);
        let row = |phone: Device| PhoneRow {
            id: phone.id,
            current: current == Some(phone.id),
            name: phone.facts.name,
            model: phone.facts.model,
            serial: phone.serial,
            until: t.day(phone.valid_until),
        };
        let phones = page.phones.into_iter().map(row).collect();
        Self { t, switch_url: None, name: page.name, phones, csrf, revoked, locale }
    }

    pub(crate) fn respond(&self) -> Response {
        shown(self.locale, self.render())
    }
}

/// What the page for a new phone says.
enum NewPhone {
    Ticket { code: QrCode, ticket: String, refresh: String },
    Enrolled { name: String },
    Refused { text: &'static str, sign_in: Option<&'static str> },
}

/// The page for a new phone.
#[derive(Template)]
#[template(path = "new_phone.html", config = ".askama.toml")]
pub(crate) struct NewPhoneView {
    t: Texts,
    switch_url: Option<&'static str>,
    state: NewPhone,
    locale: Locale,
}

impl NewPhoneView {
    /// Shows a ticket; `refresh` is the address of the same page with a new one.
    pub(crate) fn ticket(drawn: &DrawnTicket, refresh: String, locale: Locale) -> Self {
        let (code, ticket) = (QrCode::of(drawn.address.expose()), drawn.ticket.expose().to_owned());
        Self::of(NewPhone::Ticket { code, ticket, refresh }, locale)
    }

    /// Says which phone was enrolled.
    pub(crate) fn enrolled(phone: Device, locale: Locale) -> Self {
        Self::of(NewPhone::Enrolled { name: phone.facts.name }, locale)
    }

    /// Says how to come to a ticket.
    pub(crate) fn refused(refusal: TicketRefusal, locale: Locale) -> Self {
        let (text, sign_in) = match refusal {
            TicketRefusal::TooLow => ("phone-too-low", Some(AGAIN)),
            TicketRefusal::TooOld => ("phone-too-old", Some(AGAIN)),
            TicketRefusal::TooMany => ("phone-too-many", None),
        };
        Self::of(NewPhone::Refused { text, sign_in }, locale)
    }

    const fn of(state: NewPhone, locale: Locale) -> Self {
        Self { t: Texts::new(locale), switch_url: None, state, locale }
    }

    pub(crate) fn respond(&self) -> Response {
        shown(self.locale, self.render())
    }
}

/// The page behind the address of a QR code: nothing happens there.
#[derive(Template)]
#[template(path = "open_app.html", config = ".askama.toml")]
pub(crate) struct OpenAppView {
    t: Texts,
    switch_url: Option<&'static str>,
    locale: Locale,
}

impl OpenAppView {
    pub(crate) const fn new(locale: Locale) -> Self {
        Self { t: Texts::new(locale), switch_url: None, locale }
    }

    pub(crate) fn respond(&self) -> Response {
        shown(self.locale, self.render())
    }
}

fn shown(locale: Locale, html: askama::Result<String>) -> Response {
    match html {
        Ok(html) => (StatusCode::OK, page_headers(locale, []), html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

const AGAIN: &str = "/account/sign-in?page=phones&again=yes";
