//! The pages of a person's own account: who is signed in, their phones, and what they change there.
//!
//! A session is enough to look and to give up trust. Adding trust asks more (`ticket`).

use crate::audit::EventKind;
use crate::base::{DeviceId, PersonId, Secret, TokenHash, UnixTime};
use crate::device::{Device, DeviceStatus};
use crate::identity::Person;
use crate::interaction::Locale;
use crate::oauth::RawParams;
use crate::ports::{Cutoff, CutoffScope, Session};

use super::account_client::ACCOUNT_CLIENT;
use super::{BrowserState, FlowError, Provider, TurnError};

/// A person at the pages of their account.
pub struct AccountVisit {
    pub(super) session: Session,
    pub(super) person: Person,
    /// Hash of the session's cookie.
    pub(super) cookie: TokenHash,
    /// Token the forms carry: that of the session.
    pub csrf: String,
    /// Language.
    pub locale: Locale,
}

/// What the first page says.
pub struct AccountPage {
    /// The person's name.
    pub name: String,
    /// Active phones, oldest first.
    pub phones: Vec<Device>,
    /// The phone by which the session began.
    pub current: Option<DeviceId>,
}

impl Provider {
    /// The person who is signed in in this browser; none when nobody is.
    pub async fn account_visit(&self, browser: &BrowserState) -> Result<Option<AccountVisit>, FlowError> {
        let now = self.now();
        let Some(session) = self.current_session(browser.session.as_ref(), now).await? else {
            return Ok(None);
        };
        let Some(person) = self.ports.persons.find(session.person).await? else { return Ok(None) };
        let cookie = browser.session.as_ref().map_or("", Secret::expose);
        let locale = Locale::choose(browser.languages.iter().map(String::as_str));
        let csrf = self.csrf_token(cookie);
        Ok(Some(AccountVisit { session, person, cookie: TokenHash::of(cookie), csrf, locale }))
    }

    /// Where a browser signs in to the account; afterwards `page` is the `state` of the answer. With `again` the person
    /// authenticates even when a session is there.
    #[must_use]
    pub fn account_sign_in(&self, page: &str, again: bool) -> String {
        let redirect_uri = format!("{}/account", self.policy.issuer);
        let mut pairs = vec![
            ("client_id", ACCOUNT_CLIENT),
            ("response_type", "code"),
            ("scope", "openid"),
            ("redirect_uri", &redirect_uri),
            ("state", page),
        ];
        if again {
            pairs.push(("prompt", "login"));
        }
        let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        format!("/authorize?{}", RawParams::from_pairs(pairs).encode())
    }

    /// What the first page says.
    pub async fn account_page(&self, visit: &AccountVisit) -> Result<AccountPage, FlowError> {
        let phones = self.phones_of(visit.session.person).await?;
        Ok(AccountPage { name: visit.person.spoken_name(), phones, current: visit.session.proof.device })
    }

    /// The phone of the person that was enrolled since, if one was.
    pub async fn phone_enrolled_since(
        &self,
        visit: &AccountVisit,
        since: UnixTime,
    ) -> Result<Option<Device>, FlowError> {
        let phones = self.phones_of(visit.session.person).await?;
        Ok(phones.into_iter().rfind(|phone| phone.created >= since))
    }

    /// Revokes a phone of the person from their account; its sessions end, this one too if it began by it. False when
    /// they have no such phone.
    pub async fn revoke_from_account(
        &self,
        visit: &AccountVisit,
        csrf: &str,
        id: DeviceId,
    ) -> Result<bool, TurnError> {
        self.check_account_form(visit, csrf).await?;
        Ok(self.revoke_phone(visit.session.person, id, "from_account").await?)
    }

    /// Refuses a form that is not of this session.
    pub(super) async fn check_account_form(&self, visit: &AccountVisit, csrf: &str) -> Result<(), TurnError> {
        // Compared in constant time.
        if Secret::new(visit.csrf.clone()) == Secret::new(csrf.to_owned()) {
            return Ok(());
        }
        let event = self.refused(EventKind::InteractionOpened, "form_value_wrong", self.now());
        self.ports.audit.append(&event.with_person(visit.session.person)).await?;
        Err(TurnError::OtherBrowser)
    }

    /// The active phones of a person, oldest first.
    pub(super) async fn phones_of(&self, person: PersonId) -> Result<Vec<Device>, FlowError> {
        let mut phones = self.ports.devices.list(person).await?;
        phones.retain(|phone| phone.status == DeviceStatus::Active);
        phones.sort_by_key(|phone| phone.created);
        Ok(phones)
    }

    /// Revokes an active phone of `person`: its sessions and refresh tokens end with it.
    pub(super) async fn revoke_phone(
        &self,
        person: PersonId,
        id: DeviceId,
        reason: &'static str,
    ) -> Result<bool, FlowError> {
        let now = self.now();
        let own = self.ports.devices.find(id).await?;
        if own.is_none_or(|found| found.person != person || found.status != DeviceStatus::Active) {
            let event = self.refused(EventKind::DeviceRevoked, "not_found", now).with_person(person);
            self.ports.audit.append(&event).await?;
            return Ok(false);
        }
        let cutoff = Cutoff { scope: CutoffScope::Device(id), at: now };
        let event = self.succeeded(EventKind::DeviceRevoked, reason, now);
        self.ports.revocation.revoke(&cutoff, &event.with_person(person).with_device(id)).await?;
        self.cutoffs.note(&cutoff);
        Ok(true)
    }
}
