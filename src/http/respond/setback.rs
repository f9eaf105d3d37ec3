//! The page of a sign-in by another provider that came to nothing, and the end of a sign-out there.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::answer::see_other;
use super::{Page, PageFrame};
use crate::flow::{Setback, SetbackSentence};
use crate::interaction::Locale;
use crate::oidc::LogoutReturn;

/// Says what happened, under what reference, and leads back to where it began, which is still open.
pub(crate) fn setback_page(setback: &Setback) -> Response {
    let frame = PageFrame { locale: setback.locale, form_targets: Vec::new(), switch_url: None };
    let page = Page::Setback {
        sentence: setback.sentence,
        provider: setback.provider.clone(),
        reference: setback.reference.to_string(),
        back: setback.back,
    };
    let status = match setback.sentence {
        SetbackSentence::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        SetbackSentence::TooMany => StatusCode::TOO_MANY_REQUESTS,
        SetbackSentence::Unfinished
        | SetbackSentence::NotAccepted
        | SetbackSentence::LevelTooLow
        | SetbackSentence::LinkTooLow
        | SetbackSentence::NoAccount
        | SetbackSentence::AskSupport
        | SetbackSentence::AccountClosed
        | SetbackSentence::NoPhone
        | SetbackSentence::Taken
        | SetbackSentence::OtherPerson => StatusCode::FORBIDDEN,
    };
    let mut response = page.respond(&frame, status);
    let wait = match status {
        StatusCode::SERVICE_UNAVAILABLE => "30",
        // A minute, as the page says.
        StatusCode::TOO_MANY_REQUESTS => "60",
        _ => return response,
    };
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(wait));
    response
}

/// The browser is signed out there too: back to the service, or said here.
pub(crate) fn upstream_logged_out(way_back: LogoutReturn, locale: Locale) -> Response {
    let frame = PageFrame { locale, form_targets: Vec::new(), switch_url: None };
    match way_back {
        LogoutReturn::Redirect(location) => see_other(&location),
        LogoutReturn::Stay | LogoutReturn::Refused => {
            Page::LoggedOut { ended: true, detail: None }.respond(&frame, StatusCode::OK)
        }
    }
}
