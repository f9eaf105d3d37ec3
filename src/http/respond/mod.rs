//! Makers of responses: the pages people see, with their texts, headers and assets.

mod account_page;
mod answer;
mod asset;
mod email_page;
mod failure_page;
mod in_form;
mod links_page;
mod logout;
mod oauth_error;
mod page;
mod page_headers;
mod page_text;
mod page_words;
mod qr_code;
mod qr_page;
mod represent_page;
mod setback;
mod try_later;
mod visit;

pub(crate) use account_page::{AccountView, NewPhoneView, OpenAppView};
pub(crate) use answer::{
    authorization_answer, form_target, interaction_opened, private_json, private_jwt, see_other, written_json,
};
pub use asset::assets;
pub use email_page::EmailPage;
pub(crate) use failure_page::{failure_page, not_found};
pub(crate) use in_form::Shape;
pub(crate) use links_page::{LinksDone, LinksView, unlinked_page};
pub(crate) use logout::{logged_out, logout_question};
pub use oauth_error::OAuthFailure;
pub use page::{Page, PageFrame};
pub use page_words::{ErrorTitle, IdentifyNotice};
pub(crate) use qr_page::QrPage;
pub(crate) use represent_page::RepresentPage;
pub(crate) use setback::{setback_page, upstream_logged_out};
pub(crate) use try_later::try_later;
pub(crate) use visit::only_visits;
