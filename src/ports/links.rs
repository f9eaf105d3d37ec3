//! Links between persons here and their accounts at other providers.

use async_trait::async_trait;

use super::PortResult;
use crate::audit::AuditEvent;
use crate::base::{LinkId, PersonId, UnixTime};
use crate::federation::{ProviderId, UpstreamKey};
use crate::identity::{Person, Pivot};

/// How a link came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkedBy {
    /// By the traits of the civil register, to an account that nobody held yet.
    FirstMatch,
    /// By a proof on both sides in one session.
    BothSides,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its identifier, for who shows and revokes it.
    pub id: LinkId,
    /// Whose account here.
    pub person: PersonId,
    /// The provider, as configured.
    pub provider: ProviderId,
    /// The account there.
    pub key: UpstreamKey,
    /// The traits seen when the link was made; none when the provider gives none.
    pub pivot: Option<Pivot>,
    /// When it was made.
    pub linked_at: UnixTime,
    /// How.
    pub by: LinkedBy,
}

/// An account whose traits have the blind index asked for, whatever its status.
#[derive(Clone, Debug)]
pub struct LinkCandidate {
    /// The person.
    pub person: Person,
    /// Whether a phone was ever enrolled.
    pub has_device: bool,
    /// Whether a link was ever made.
    pub has_link: bool,
}

/// What became of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOutcome {
    /// Made.
    Linked,
    /// The account there is linked already.
    Taken,
    /// The account here is no longer one that may be linked so.
    Refused,
}

/// The links, durable. Issuer and subject are found by a blind index, everything else is sealed.
#[async_trait]
pub trait Links: Send + Sync {
    /// The link of an account of another provider.
    async fn find(&self, key: &UpstreamKey) -> PortResult<Option<Link>>;
    /// Whether the account there is the person's now. A removal under way is waited for, and one that comes later ends what
    /// began before this was asked.
    async fn stands(&self, key: &UpstreamKey, person: PersonId) -> PortResult<bool>;
    /// The links of a person.
    async fn of(&self, person: PersonId) -> PortResult<Vec<Link>>;
    /// The accounts with these traits, compared by blind index alone: the caller compares the traits.
    async fn candidates(&self, pivot: &Pivot) -> PortResult<Vec<LinkCandidate>>;
    /// Makes a first link in one transaction with `event`: the account there has none, the person is active and never had
    /// a phone or a link. The person's cooling period then lasts until `cooling_until`.
    async fn link_first(
        &self,
        link: &Link,
        cooling_until: UnixTime,
        event: &AuditEvent,
    ) -> PortResult<LinkOutcome>;
    /// Makes a link whose both sides were proved, in one transaction with `event`: the account there has none, the person
    /// is active.
    async fn link_proved(&self, link: &Link, event: &AuditEvent) -> PortResult<LinkOutcome>;
    /// Removes a link of a person and ends what the person began until it is removed, in one transaction with `event`. False when the
    /// person has no such link.
    async fn unlink(&self, person: PersonId, link: LinkId, event: &AuditEvent) -> PortResult<bool>;
}
