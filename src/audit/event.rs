//! One audited decision.
//!
//! Holds pseudonymous identifiers in clear and personal values apart, to be hashed with a salt. Never a
//! token, code, number or PIN.

use super::EventKind;
use crate::base::{AuditId, ClientId, DeviceId, PersonId, Secret, UnixTime};

/// One audited decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// The row.
    pub id: AuditId,
    /// When.
    pub at: UnixTime,
    /// What happened.
    pub kind: EventKind,
    /// Success or refusal.
    pub decision: Decision,
    /// The machine word that explains the decision; constant, so that no input reaches the log.
    pub reason: &'static str,
    /// Who acted when it was not the person: a pseudonym or a function, never a person's name.
    pub actor: Option<String>,
    /// Whom it concerns.
    pub person: Option<PersonId>,
    /// For whom that person acted, when not for themself.
    pub on_behalf_of: Option<PersonId>,
    /// For which client.
    pub client: Option<ClientId>,
    /// With which phone.
    pub device: Option<DeviceId>,
    /// What ties the events of one transaction together.
    pub transaction: Option<String>,
    /// The level reached or asked.
    pub acr: Option<String>,
    /// Numbers that the event states; `count.` and the name in the record.
    pub counts: Vec<(&'static str, u64)>,
    /// Personal values: only their salted hashes are in the record.
    pub personal: Vec<PersonalField>,
}

/// How it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Granted or done.
    Success,
    /// Refused or failed.
    Refusal,
}

impl Decision {
    /// The decision as written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refusal => "refusal",
        }
    }

    /// The decision written as `text`; none when unknown.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Success, Self::Refusal].into_iter().find(|decision| decision.as_str() == text)
    }
}

/// A personal value of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalField {
    /// Its name in the record.
    pub name: &'static str,
    /// Its value, erased at the end of retention.
    pub value: Secret,
}

impl AuditEvent {
    /// An event without details.
    #[must_use]
    pub const fn new(
        id: AuditId,
        at: UnixTime,
        kind: EventKind,
        decision: Decision,
        reason: &'static str,
    ) -> Self {
        Self {
            id,
            at,
            kind,
            decision,
            reason,
            actor: None,
            person: None,
            on_behalf_of: None,
            client: None,
            device: None,
            transaction: None,
            acr: None,
            counts: Vec::new(),
            personal: Vec::new(),
        }
    }

    /// Says whom it concerns.
    #[must_use]
    pub const fn with_person(mut self, person: PersonId) -> Self {
        self.person = Some(person);
        self
    }

    /// Says for whom the person acted; none for themself.
    #[must_use]
    pub const fn with_on_behalf_of(mut self, represented: Option<PersonId>) -> Self {
        self.on_behalf_of = represented;
        self
    }

    /// Says for which client.
    #[must_use]
    pub fn with_client(mut self, client: ClientId) -> Self {
        self.client = Some(client);
        self
    }

    /// Says with which phone.
    #[must_use]
    pub const fn with_device(mut self, device: DeviceId) -> Self {
        self.device = Some(device);
        self
    }

    /// Ties the event to a transaction.
    #[must_use]
    pub fn with_transaction(mut self, transaction: impl Into<String>) -> Self {
        self.transaction = Some(transaction.into());
        self
    }

    /// Says who acted: a pseudonym or a function.
    #[must_use]
    pub fn with_actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Says the level.
    #[must_use]
    pub fn with_acr(mut self, acr: impl Into<String>) -> Self {
        self.acr = Some(acr.into());
        self
    }

    /// States a number.
    #[must_use]
    pub fn with_count(mut self, name: &'static str, number: u64) -> Self {
        self.counts.push((name, number));
        self
    }

    /// Adds a personal value; a second one of the same name replaces the first.
    #[must_use]
    pub fn with_personal(mut self, name: &'static str, value: Secret) -> Self {
        self.personal.retain(|field| field.name != name);
        self.personal.push(PersonalField { name, value });
        self
    }
}
