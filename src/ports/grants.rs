//! Grants, refresh token families and consents: reads, and the memory of consents.

use async_trait::async_trait;

use super::{Grant, PortResult};
use crate::audit::AuditEvent;
use crate::base::{ClientId, FamilyId, GrantId, PersonId, UnixTime};
use crate::identity::GuardianKind;
use crate::oauth::{Family, ScopeSet};

/// A family with its grant.
#[derive(Clone)]
pub struct StoredFamily {
    /// Rotation state.
    pub family: Family,
    /// The grant it continues.
    pub grant: Grant,
    /// The current refresh token, sealed, to answer a client that lost it.
    pub current_sealed: Vec<u8>,
}

/// Whose consent, to what client, for whom: each is given, remembered and taken back by itself.
#[derive(Clone, Copy, Debug)]
pub struct ConsentSubject<'a> {
    /// Who consents.
    pub person: PersonId,
    /// For whom, when not for themself.
    pub on_behalf_of: Option<PersonId>,
    /// To what client.
    pub client: &'a ClientId,
}

/// A remembered consent.
#[derive(Clone, Debug)]
pub struct Consent {
    /// Who consented.
    pub person: PersonId,
    /// For whom, when not for themself.
    pub on_behalf_of: Option<PersonId>,
    /// In which quality; unknown of an older record.
    pub kind: Option<GuardianKind>,
    /// To what client.
    pub client: ClientId,
    /// To what scope.
    pub scope: ScopeSet,
    /// When.
    pub at: UnixTime,
}

/// Store of grants and consents, durable.
#[async_trait]
pub trait Grants: Send + Sync {
    /// A refresh token family.
    async fn family(&self, id: FamilyId) -> PortResult<Option<StoredFamily>>;
    /// Scope a person has consented to for a client.
    async fn consent(&self, subject: ConsentSubject<'_>) -> PortResult<Option<Consent>>;
    /// Remembers a consent, replacing an earlier one.
    async fn remember_consent(&self, consent: &Consent, event: &AuditEvent) -> PortResult<()>;
    /// Every consent that a person gave, for themself or for another, oldest first.
    async fn consents_of(&self, person: PersonId) -> PortResult<Vec<Consent>>;
    /// Forgets a consent and ends what the client was granted by the person, for the same one, since `since`, in one transaction with
    /// `event`, at whose time it ends. What was agreed to by then gives nothing any more ([`IssuePlan::agreed`](super::IssuePlan)).
    /// The grants ended; none when there was neither a consent nor a grant.
    async fn withdraw_consent(
        &self,
        subject: ConsentSubject<'_>,
        since: UnixTime,
        event: &AuditEvent,
    ) -> PortResult<Option<Vec<GrantId>>>;
}
