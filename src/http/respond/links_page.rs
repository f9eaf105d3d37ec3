//! The page of a person's links and consents, and the page that follows the end of a link.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::answer::form_target;
use super::page_headers::page_headers;
use super::page_text::Texts;
use crate::base::{LinkId, PersonId};
use crate::flow::{ConsentLine, LinkLine, LinkOffer, LinkingRefusal, LinksPage};
use crate::interaction::Locale;
use crate::ports::LinkedBy;

/// What was just done, as the address says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinksDone {
    /// An account was linked.
    Linked,
    /// It was linked before.
    Already,
    /// A link was removed.
    Unlinked,
    /// A consent was taken back.
    Withdrawn,
    /// The sign-in at another provider was ended.
    SignedOut,
    /// It could not be.
    SignedInThere,
}

impl LinksDone {
    /// The word of an address.
    pub(crate) fn named(word: Option<&str>) -> Option<Self> {
        match word? {
            "linked" => Some(Self::Linked),
            "already" => Some(Self::Already),
            "unlinked" => Some(Self::Unlinked),
            "withdrawn" => Some(Self::Withdrawn),
            "signed-out" => Some(Self::SignedOut),
            "signed-in-there" => Some(Self::SignedInThere),
            _ => None,
        }
    }

    const fn text_id(self) -> &'static str {
        match self {
            Self::Linked => "links-done-linked",
            Self::Already => "links-done-already",
            Self::Unlinked => "links-done-unlinked",
            Self::Withdrawn => "links-done-withdrawn",
            Self::SignedOut => "links-done-signed-out",
            Self::SignedInThere => "links-done-signed-in-there",
        }
    }
}

/// A link in the list.
struct LinkRow {
    id: LinkId,
    provider: String,
    since: String,
    how: &'static str,
}

/// A consent in the list.
struct ConsentRow {
    on_behalf_of: Option<(PersonId, Option<String>)>,
    client: String,
    service: String,
    since: String,
    scopes: Vec<String>,
}

/// What may be linked.
enum Adding {
    Nothing,
    /// Providers whose account may be linked, and the names of those whose may not by this phone.
    Offers {
        offers: Vec<LinkOffer>,
        too_strong: Vec<String>,
    },
    /// The person must sign in first, for this reason.
    SignIn(&'static str),
}

/// The page.
#[derive(Template)]
#[template(path = "account_links.html", config = ".askama.toml")]
pub(crate) struct LinksView {
    t: Texts,
    switch_url: Option<&'static str>,
    name: String,
    links: Vec<LinkRow>,
    consents: Vec<ConsentRow>,
    adding: Adding,
    csrf: String,
    done: Option<&'static str>,
    there: Option<String>,
    locale: Locale,
    targets: Vec<String>,
}

impl LinksView {
    pub(crate) fn new(page: LinksPage, csrf: String, done: Option<LinksDone>, locale: Locale) -> Self {
        let t = Texts::new(locale);
        let possible = page.offers.iter().filter(|offer| offer.vouched);
        let away = possible.map(|offer| &offer.origin).chain(page.there.iter().map(|there| &there.origin));
        let targets = away.map(|origin| form_target(origin)).collect();
        Self {
            t,
            switch_url: None,
            name: page.name,
            links: page.links.into_iter().map(|link| link_row(t, link)).collect(),
            consents: page.consents.into_iter().map(|consent| consent_row(t, consent)).collect(),
            adding: adding(page.offers, page.ready),
            csrf,
            done: done.map(LinksDone::text_id),
            there: page.there.map(|there| there.name),
            locale,
            targets,
        }
    }

    pub(crate) fn respond(&self) -> Response {
        let headers = page_headers(self.locale, self.targets.iter().map(String::as_str));
        match self.render() {
            Ok(html) => (StatusCode::OK, headers, html).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

/// The page that says that a link and every session are ended.
#[derive(Template)]
#[template(path = "unlinked.html", config = ".askama.toml")]
struct UnlinkedView {
    t: Texts,
    switch_url: Option<&'static str>,
}

/// Says that a link and every session are ended, and leads back.
pub(crate) fn unlinked_page(locale: Locale) -> Response {
    match (UnlinkedView { t: Texts::new(locale), switch_url: None }).render() {
        Ok(html) => (StatusCode::OK, page_headers(locale, []), html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn link_row(t: Texts, link: LinkLine) -> LinkRow {
    let how = match link.by {
        LinkedBy::FirstMatch => "links-by-identity",
        LinkedBy::BothSides => "links-by-phone",
    };
    LinkRow { id: link.id, provider: link.provider, since: t.day(link.since), how }
}

fn consent_row(t: Texts, consent: ConsentLine) -> ConsentRow {
    let others = consent.on_behalf_of.is_some();
    ConsentRow {
        client: consent.client.as_str().to_owned(),
        service: consent.service,
        since: t.day(consent.since),
        scopes: consent.scopes.iter().map(|scope| t.scope(scope, others)).collect(),
        on_behalf_of: consent.on_behalf_of,
    }
}

fn adding(offers: Vec<LinkOffer>, ready: Result<(), LinkingRefusal>) -> Adding {
    if offers.is_empty() {
        return Adding::Nothing;
    }
    match ready {
        Ok(()) => {
            let (offers, others): (Vec<_>, Vec<_>) = offers.into_iter().partition(|offer| offer.vouched);
            Adding::Offers { offers, too_strong: others.into_iter().map(|offer| offer.name).collect() }
        }
        Err(LinkingRefusal::NotByPhone) => Adding::SignIn("links-needs-phone"),
        Err(LinkingRefusal::TooOld) => Adding::SignIn("links-too-old"),
    }
}
