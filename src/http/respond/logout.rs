//! The pages of a logout and its end.

use axum::http::StatusCode;
use axum::response::Response;

use super::answer::{form_target, see_other, without_session};
use super::{Page, PageFrame};
use crate::flow::{LoggedOut, LogoutPage};
use crate::http::state::AppState;
use crate::oidc::LogoutReturn;

/// Asks the person.
pub(crate) fn logout_question(page: LogoutPage) -> Response {
    let frame = PageFrame {
        locale: page.locale,
        form_targets: [page.target, page.upstream].iter().flatten().map(|uri| form_target(uri)).collect(),
        switch_url: None,
    };
    let action = String::from("/end_session");
    Page::Logout { service: page.service, action, ticket: page.ticket, csrf: page.csrf }
        .respond(&frame, StatusCode::OK)
}

/// Sends the browser back, or says that it is done. The cookie of an ended session goes.
pub(crate) fn logged_out(state: &AppState, done: LoggedOut) -> Response {
    let frame = PageFrame { locale: done.locale, form_targets: Vec::new(), switch_url: None };
    let page = |ended, detail| Page::LoggedOut { ended, detail }.respond(&frame, StatusCode::OK);
    let response = match done.way_back {
        LogoutReturn::Redirect(location) => see_other(&location),
        LogoutReturn::Stay => page(done.ended, None),
        LogoutReturn::Refused => page(done.ended, Some("post_logout_redirect_uri was not followed")),
    };
    if done.ended { without_session(state, response) } else { response }
}
