//! What a person's account is tied to: accounts at other providers that open it, and services that were allowed to know
//! who they are. Both are taken back here; a link is made in `link_account`.

use super::claims::remembered_lines;
use super::link_offers::{LinkOffer, LinkingRefusal, may_link};
use super::parties::tie;
use super::{AccountVisit, FlowError, OperatorOutcome, Provider, Requester, SignedInThere, TurnError};
use crate::audit::EventKind;
use crate::base::{ClientId, LinkId, PersonId, UnixTime};
use crate::ports::{Consent, ConsentSubject, Link, LinkedBy};

/// A link, for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLine {
    /// Its identifier.
    pub id: LinkId,
    /// The provider's name; its identifier when it is no longer in the settings.
    pub provider: String,
    /// When it was made.
    pub since: UnixTime,
    /// How.
    pub by: LinkedBy,
}

/// A service that was allowed to know the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentLine {
    /// The service.
    pub client: ClientId,
    /// For whom the person acted, and their name as long as they may act for them.
    pub on_behalf_of: Option<(PersonId, Option<String>)>,
    /// Its name.
    pub service: String,
    /// Since when.
    pub since: UnixTime,
    /// What it learns, as on the page that asked.
    pub scopes: Vec<String>,
}

/// What the page of links says.
pub struct LinksPage {
    /// The person's name.
    pub name: String,
    /// Links, oldest first.
    pub links: Vec<LinkLine>,
    /// Consents, oldest first.
    pub consents: Vec<ConsentLine>,
    /// Providers whose account may be linked.
    pub offers: Vec<LinkOffer>,
    /// The provider at which the browser is signed in beside this session.
    pub there: Option<SignedInThere>,
    /// Whether this session may link one.
    pub ready: Result<(), LinkingRefusal>,
}

impl Provider {
    /// What the page of links says.
    pub async fn links_page(&self, visit: &AccountVisit) -> Result<LinksPage, FlowError> {
        let mut links = self.links_of(visit.session.person).await?;
        links.sort_by_key(|link| link.linked_at);
        let mut consents = Vec::new();
        for consent in self.consents_of(visit.session.person).await? {
            consents.push(self.consent_line(visit, consent).await?);
        }
        Ok(LinksPage {
            name: visit.person.spoken_name(),
            offers: self.link_offers(visit, &links),
            links: links.iter().map(|link| self.link_line(link)).collect(),
            consents,
            there: self.signed_in_there(&visit.session),
            ready: may_link(&visit.session, self.now()),
        })
    }

    fn link_line(&self, link: &Link) -> LinkLine {
        let known = self.ports.upstream.providers().into_iter().find(|known| known.id == link.provider);
        let provider = known.map_or_else(|| link.provider.as_str().to_owned(), |known| known.name.clone());
        LinkLine { id: link.id, provider, since: link.linked_at, by: link.by }
    }

    async fn consent_line(&self, visit: &AccountVisit, consent: Consent) -> Result<ConsentLine, FlowError> {
        let client = self.registered_client(&consent.client).await?;
        let represented = match consent.on_behalf_of {
            Some(id) => self.ports.persons.find(id).await?,
            None => None,
        };
        let about = represented.as_ref().unwrap_or(&visit.person);
        let scopes = remembered_lines(client.as_deref(), about, &consent.scope);
        let now = self.now();
        let on_behalf_of = represented.map(|person| {
            let name = tie(&visit.person, &person, now).is_ok().then(|| person.spoken_name());
            (person.id, name)
        });
        let service = client.map_or_else(|| consent.client.as_str().to_owned(), |client| client.name.clone());
        Ok(ConsentLine { client: consent.client, on_behalf_of, service, since: consent.at, scopes })
    }

    /// Removes a link of the person. What they began ends, this session too. False when they have no such link.
    pub async fn unlink_from_account(
        &self,
        visit: &AccountVisit,
        csrf: &str,
        link: Option<LinkId>,
    ) -> Result<bool, TurnError> {
        self.check_account_form(visit, csrf).await?;
        let person = visit.session.person;
        let outcome = match link {
            Some(link) => self.unlink(person, link, Requester::Person).await?,
            None => OperatorOutcome::NotFound,
        };
        if outcome == OperatorOutcome::NotFound {
            let event = self.refused(EventKind::UpstreamUnlinked, "not_found", self.now());
            self.ports.audit.append(&event.with_person(person)).await?;
        }
        Ok(outcome == OperatorOutcome::Done)
    }

    /// Takes a consent of the person back: the one given for themself, or on behalf of another. False when there was nothing to take back.
    pub async fn withdraw_from_account(
        &self,
        visit: &AccountVisit,
        csrf: &str,
        (client, on_behalf_of): (Option<ClientId>, Option<PersonId>),
    ) -> Result<bool, TurnError> {
        self.check_account_form(visit, csrf).await?;
        let person = visit.session.person;
        let withdrawn = match &client {
            Some(client) => self.withdraw_consent(ConsentSubject { person, on_behalf_of, client }).await?,
            None => false,
        };
        if !withdrawn {
            let event = self.refused(EventKind::Consent, "not_found", self.now());
            self.ports.audit.append(&event.with_person(person)).await?;
        }
        Ok(withdrawn)
    }
}
