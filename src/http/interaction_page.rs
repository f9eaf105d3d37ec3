//! The page of an authorization in progress: which one, and where its forms lead.

use axum::http::StatusCode;
use axum::response::Response;

use super::respond::{
    EmailPage, IdentifyNotice, Page, PageFrame, QrPage, RepresentPage, authorization_answer, form_target,
};
use super::state::AppState;
use crate::base::InteractionId;
use crate::flow::{BrowserState, Screen, Turn, TurnError};
use crate::identity::EmailFault;
use crate::interaction::Locale;

/// Why a page asks again.
pub(super) enum Again {
    /// What is said beside the field of the identifier.
    Identify(IdentifyNotice),
    /// What is wrong with what was typed.
    Email(EmailFault, String),
}

/// What comes next, as a page or as the answer to the client.
pub(super) async fn turn(
    state: &AppState,
    id: InteractionId,
    browser: &BrowserState,
    again: Option<Again>,
) -> Result<Response, TurnError> {
    match state.provider.resume(id, browser).await? {
        Turn::Answer(answer) => Ok(authorization_answer(state, answer, Some(id))),
        Turn::Page { screen, locale, redirect_uri, csrf } => {
            let other = match locale {
                Locale::Fr => Locale::En,
                Locale::En => Locale::Fr,
            };
            let frame = PageFrame {
                locale,
                form_targets: form_targets(&redirect_uri, &screen),
                switch_url: Some(format!("/interaction/{id}?ui_locales={}", other.as_str())),
            };
            let address = format!("/interaction/{id}");
            if let Screen::Qr { service, address: text, expires_in } = screen {
                return Ok(QrPage { service, text, expires_in, address, csrf }.respond(&frame));
            }
            if let Screen::Represent { service, identity, oneself, others } = screen {
                let page = RepresentPage { service, identity, oneself, others, address, csrf };
                return Ok(page.respond(&frame));
            }
            if let Screen::Email { service } = screen {
                let refused = match again {
                    Some(Again::Email(fault, typed)) => Some((fault, typed)),
                    Some(Again::Identify(_)) | None => None,
                };
                return Ok(EmailPage { service, refused, address, csrf }.respond(&frame));
            }
            let notice = match again {
                Some(Again::Identify(notice)) => Some(notice),
                Some(Again::Email(..)) | None => None,
            };
            let page = page(address, screen, csrf, notice).ok_or(TurnError::Gone)?;
            Ok(page.respond(&frame, StatusCode::OK))
        }
    }
}

/// Where the forms of a page may end: at the service and, chosen there, at another provider.
fn form_targets(redirect_uri: &str, screen: &Screen) -> Vec<String> {
    let providers = match screen {
        Screen::Identify { providers, .. } => providers.as_slice(),
        Screen::Number { .. }
        | Screen::Qr { .. }
        | Screen::Email { .. }
        | Screen::Represent { .. }
        | Screen::Consent { .. } => &[],
    };
    let providers = providers.iter().map(|provider| provider.origin.as_str());
    std::iter::once(redirect_uri).chain(providers).map(form_target).collect()
}

fn page(address: String, screen: Screen, csrf: String, notice: Option<IdentifyNotice>) -> Option<Page> {
    Some(match screen {
        Screen::Identify { service, expired, providers, phone } => Page::Identify {
            service,
            action: format!("{address}/identify"),
            qr_action: format!("{address}/qr"),
            cancel_action: format!("{address}/cancel"),
            csrf,
            notice: notice.or_else(|| expired.then_some(IdentifyNotice::Expired)),
            providers,
            federate_action: format!("{address}/federate"),
            phone,
        },
        Screen::Number { service, number, expires_in } => Page::Number {
            service,
            number: number.map(|number| number.expose().to_owned()),
            expires_in,
            status_url: format!("{address}/status"),
            cancel_action: format!("{address}/cancel"),
            resume_url: address,
            csrf,
        },
        Screen::Consent { service, scopes, identity, on_behalf_of } => {
            let action = format!("{address}/consent");
            Page::Consent { service, scopes, identity, on_behalf_of, action, csrf }
        }
        Screen::Qr { .. } | Screen::Email { .. } | Screen::Represent { .. } => return None,
    })
}
