//! Revocation: written durably before the answer, read back by every replica (design decision 15).

use async_trait::async_trait;

use super::PortResult;
use crate::audit::AuditEvent;
use crate::base::{ClientId, DeviceId, GrantId, PersonId, Sid, UnixTime};

/// What a cut-off covers. Whatever was authenticated or issued at or before it, under that scope, is dead.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CutoffScope {
    /// Everything.
    Global,
    /// A client.
    Client(ClientId),
    /// A person.
    Person(PersonId),
    /// A phone.
    Device(DeviceId),
    /// A session.
    Session(Sid),
    /// A grant.
    Grant(GrantId),
    /// A signing key, by its `kid`: whatever it signed, whenever. Its record is withdrawn by [`Keys`](super::Keys).
    Key(String),
}

/// A cut-off in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cutoff {
    /// What it covers.
    pub scope: CutoffScope,
    /// Up to when.
    pub at: UnixTime,
}

/// What a key signed from some time on, by the issuance records.
#[derive(Clone, Copy, Debug)]
pub struct SignedSince<'a> {
    /// The key.
    pub kid: &'a str,
    /// From when on.
    pub since: UnixTime,
    /// When it is ended.
    pub at: UnixTime,
}

/// Revocation, durable.
#[async_trait]
pub trait Revocation: Send + Sync {
    /// Ends everything under `cutoff`: the phone becomes revoked, a person locked, a client disabled, families of a
    /// session or grant die, and the cut-off is written for the other replicas. False when it changed nothing.
    async fn revoke(&self, cutoff: &Cutoff, event: &AuditEvent) -> PortResult<bool>;
    /// Lets a locked person in again, with `event`. What a cut-off ended stays ended. False when the person was not
    /// locked.
    async fn unlock(&self, person: PersonId, event: &AuditEvent) -> PortResult<bool>;
    /// Ends up to `limit` of the sessions in which `kid` signed something from `since` on, in the order of their
    /// identifiers after `after`, with `event` and their number. Gives the last one ended and how many they were; none
    /// when there is no more.
    async fn end_signed(
        &self,
        signed: &SignedSince<'_>,
        after: Option<Sid>,
        limit: u32,
        event: &AuditEvent,
    ) -> PortResult<Option<(Sid, u64)>>;
    /// Cut-offs written at or after `since`, by the store's clock, with an overlap wide enough for late commits; and
    /// the store's time to ask from next.
    async fn changes_since(&self, since: UnixTime) -> PortResult<(Vec<Cutoff>, UnixTime)>;
}
