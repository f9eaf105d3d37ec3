//! A person links an account at another provider to their own, from the pages of their account (`OpenID Connect Core` 3.1.2, 5.7;
//! `security.md` D12: proof of both sides).
//!
//! 1. the session began by the person's own phone, less than twenty minutes ago, for the account itself
//! 2. [`Provider::begin_link`]: the browser is sent to sign in anew there; the session is kept with `state`
//! 3. [`Provider::linked_back`]: the same session brings the answer; `federation::decide_account_link` decides
//!
//! It raises no trust: a later sign-in is worth what the provider says of it, and a provider who may say more than the
//! phone is worth is linked to nobody whose traits were not compared.

use url::Url;

use super::federate::Wish;
use super::federated::{Fault, Login};
use super::link_offers::may_link;
use super::setback::upstream_words;
use super::{
    AccountVisit, BrowserState, Origin, Provider, Setback, SetbackReturn, SetbackSentence, TurnError,
};
use crate::audit::{AuditEvent, EventKind};
use crate::base::{AuditId, LinkId, PersonId, TokenHash, UnixTime};
use crate::federation::{
    AccountLinkRefusal, AccountLinkVerdict, AccountSide, LinkTicket, Purpose, UpstreamProvider,
    decide_account_link,
};
use crate::interaction::Locale;
use crate::oauth::RawParams;
use crate::ports::{Link, LinkOutcome, LinkedBy, PortResult};

/// What became of a wish to link.
pub enum LinkBegun {
    /// The browser goes there.
    Leave(Url),
    /// The person must sign in again first.
    SignInAgain,
    /// This provider is not offered to this person, or no more.
    NotOffered,
    /// It cannot be.
    Failed(Setback),
}

/// What an answer led to.
pub enum LinkedBack {
    /// The link is made.
    Linked,
    /// It was made before.
    Already,
    /// A page with a way back.
    Failed(Setback),
}

/// The browser's return to the account.
pub struct LinkReturn<'a> {
    /// The provider, settings and all.
    pub(super) provider: &'a UpstreamProvider,
    /// What was kept.
    pub(super) ticket: LinkTicket,
}

impl Provider {
    /// `POST /account/links`: the person chose a provider.
    pub async fn begin_link(
        &self,
        visit: &AccountVisit,
        (chosen, csrf): (&str, &str),
        origin: &Origin,
    ) -> Result<LinkBegun, TurnError> {
        self.check_account_form(visit, csrf).await?;
        let now = self.now();
        let links = self.ports.links.of(visit.session.person).await?;
        let offers = self.link_offers(visit, &links);
        let Some(offer) = offers.into_iter().find(|offer| offer.id == chosen) else {
            return Ok(LinkBegun::NotOffered);
        };
        let provider =
            self.ports.upstream.providers().into_iter().find(|provider| provider.id.as_str() == chosen);
        let Some(provider) = provider else { return Ok(LinkBegun::NotOffered) };
        let about = |outcome| {
            self.about_link(visit.session.person, provider, EventKind::UpstreamRequest, outcome, now)
        };
        if let Err(refusal) = may_link(&visit.session, now) {
            self.ports.audit.append(&about(Err(refusal.as_str()))).await?;
            return Ok(LinkBegun::SignInAgain);
        }
        if !offer.vouched {
            self.ports.audit.append(&about(Err("link_level_too_low"))).await?;
            return Ok(LinkBegun::NotOffered);
        }
        if !self.may_leave(origin, now).await? {
            let event = about(Err("too_many"));
            self.ports.audit.append(&event).await?;
            let failed = (SetbackSentence::TooMany, event.id);
            return Ok(LinkBegun::Failed(setback(provider, visit.locale, failed)));
        }
        let wish = Wish {
            requested: provider.level_for(None),
            // The side there is proved in this session too: a login left open by somebody else is not enough.
            login: true,
            locale: visit.locale,
            deadline: now.plus(self.policy.lifetimes.federation),
        };
        let session = visit.cookie.to_string();
        let purpose = |question| Purpose::Link(LinkTicket { session, question });
        match self.ask_upstream(provider, &wish, purpose, now).await? {
            Ok(url) => {
                self.ports.audit.append(&about(Ok("sent_to_link"))).await?;
                Ok(LinkBegun::Leave(url))
            }
            Err(error) => {
                let (reason, sentence) = upstream_words(error);
                let event = about(Err(reason));
                self.ports.audit.append(&event).await?;
                Ok(LinkBegun::Failed(setback(provider, visit.locale, (sentence, event.id))))
            }
        }
    }

    /// `GET /federation/{provider}/callback`, for the session that asked for a link.
    pub async fn linked_back(
        &self,
        returned: LinkReturn<'_>,
        browser: &BrowserState,
        params: &RawParams,
    ) -> Result<LinkedBack, TurnError> {
        let LinkReturn { provider, ticket } = returned;
        let cookie = browser.session.as_ref().map(|cookie| TokenHash::of(cookie.expose()).to_string());
        // RFC 9700 4.7: whoever brings the answer of another browser or session links nothing, and redeems nothing.
        if cookie.as_ref() != Some(&ticket.session) {
            return self.lost("other_session", provider, &browser.origin, TurnError::OtherBrowser).await;
        }
        let Some(visit) = self.account_visit(browser).await? else {
            return self.lost("session_ended", provider, &browser.origin, TurnError::Gone).await;
        };
        let done = match self.redeem(provider, &ticket.question, params).await {
            Ok(login) => {
                // Whatever comes of it: they are signed in there now, on a computer that may be shared.
                self.keep_upstream(&visit, Some(&login.session)).await?;
                self.link_login(&visit, &login).await
            }
            Err(fault) => Err(fault),
        };
        match done {
            Ok(linked) => Ok(linked),
            Err(Fault::Turn(error)) => Err(error),
            Err(Fault::Refused(reason, sentence)) => {
                let (person, now) = (visit.session.person, self.now());
                let event = self.about_link(person, provider, EventKind::UpstreamAnswer, Err(reason), now);
                self.ports.audit.append(&event).await?;
                Ok(LinkedBack::Failed(setback(provider, visit.locale, (sentence, event.id))))
            }
        }
    }

    async fn lost<T>(
        &self,
        reason: &'static str,
        provider: &UpstreamProvider,
        origin: &Origin,
        error: TurnError,
    ) -> Result<T, TurnError> {
        let event = self.refused(EventKind::UpstreamAnswer, reason, self.now());
        self.append_anonymous(&event.with_actor(provider.id.as_str()), origin).await?;
        Err(error)
    }

    /// Decides, and makes the link.
    async fn link_login(&self, visit: &AccountVisit, login: &Login<'_>) -> Result<LinkedBack, Fault> {
        // Nothing else tells the login that somebody left open there from the person's own.
        if visit.person.patient().is_none() && login.identity.auth_time.is_none() {
            return Err(Fault::Refused("sign_in_age_unknown", SetbackSentence::NotAccepted));
        }
        let holder = self.holder(login).await?;
        let person = visit.session.person;
        let traits = visit.person.patient().map(|patient| patient.pivot.clone());
        let side = AccountSide { person, traits, holder };
        match decide_account_link(&login.identity, login.requested, &side) {
            AccountLinkVerdict::Refused(refusal) => {
                Err(Fault::Refused(refusal.as_str(), sentence_of(refusal)))
            }
            AccountLinkVerdict::Already => {
                let now = self.now();
                let kind = EventKind::UpstreamAnswer;
                let event = self.about_link(person, login.provider, kind, Ok("linked_before"), now);
                self.ports.audit.append(&event).await?;
                Ok(LinkedBack::Already)
            }
            AccountLinkVerdict::Link => self.make_link(person, login).await,
        }
    }

    async fn make_link(&self, person: PersonId, login: &Login<'_>) -> Result<LinkedBack, Fault> {
        let now = self.now();
        let link = Link {
            id: LinkId::random(&*self.ports.entropy),
            person,
            provider: login.provider.id.clone(),
            key: login.identity.key.clone(),
            pivot: login.identity.pivot.clone(),
            linked_at: now,
            by: LinkedBy::BothSides,
        };
        let kind = EventKind::UpstreamLinked;
        let event = self.about_link(person, login.provider, kind, Ok("both_sides_from_account"), now);
        match self.ports.links.link_proved(&link, &event).await? {
            LinkOutcome::Linked => {
                self.announce_link(&link, login.provider, now).await?;
                Ok(LinkedBack::Linked)
            }
            // Another answer was faster.
            LinkOutcome::Taken if self.holder(login).await? == Some(person) => Ok(LinkedBack::Already),
            LinkOutcome::Taken => Err(Fault::Refused("taken", SetbackSentence::Taken)),
            LinkOutcome::Refused => Err(Fault::Refused("person_inactive", SetbackSentence::AccountClosed)),
        }
    }

    async fn holder(&self, login: &Login<'_>) -> PortResult<Option<PersonId>> {
        Ok(self.ports.links.find(&login.identity.key).await?.map(|link| link.person))
    }

    fn about_link(
        &self,
        person: PersonId,
        provider: &UpstreamProvider,
        kind: EventKind,
        outcome: Result<&'static str, &'static str>,
        now: UnixTime,
    ) -> AuditEvent {
        let event = match outcome {
            Ok(reason) => self.succeeded(kind, reason, now),
            Err(reason) => self.refused(kind, reason, now),
        };
        event.with_person(person).with_actor(provider.id.as_str())
    }
}

fn setback(
    provider: &UpstreamProvider,
    locale: Locale,
    (sentence, reference): (SetbackSentence, AuditId),
) -> Setback {
    Setback { back: SetbackReturn::Links, locale, provider: provider.name.clone(), sentence, reference }
}

const fn sentence_of(refusal: AccountLinkRefusal) -> SetbackSentence {
    match refusal {
        AccountLinkRefusal::LevelTooLow => SetbackSentence::LevelTooLow,
        AccountLinkRefusal::Taken => SetbackSentence::Taken,
        AccountLinkRefusal::NoPivot => SetbackSentence::NotAccepted,
        AccountLinkRefusal::TraitsDiffer => SetbackSentence::OtherPerson,
    }
}
