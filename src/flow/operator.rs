//! What an operator does about persons, phones and clients from the command line (design decision 17).
//!
//! One officer may reduce trust at once; adding trust back takes two. Until officers authenticate, the second one is
//! only named, which the audit log says. Reading a person's record is recorded too. Changes reach the processes that
//! serve through the cut-offs, within five seconds.

use crate::audit::{AuditEvent, EventKind};
use crate::base::{ClientId, DeviceId, LinkId, PersonId, Secret, UnixTime};
use crate::device::Device;
use crate::identity::{NationalId, PatientRef, Person, PersonStatus};
use crate::ports::{Cutoff, CutoffScope, Link, PortResult};

use super::Provider;

/// What became of an operator's change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorOutcome {
    /// Done.
    Done,
    /// It was so already.
    Unchanged,
    /// There is no such thing.
    NotFound,
}

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester {
    /// An operator, on the command line.
    Operator,
    /// The person, signed in.
    Person,
}

/// Two officers who add trust, the second unverified.
pub struct Officers {
    /// The second officer, as named by the first; kept as a personal value of the record.
    pub second: Secret,
}

impl Provider {
    /// The person of an identifier of ours or of a national identifier, with their phones.
    pub async fn operator_person(&self, id: &str) -> PortResult<Option<(Person, Vec<Device>)>> {
        let person = match (id.parse::<PersonId>(), NationalId::parse(id)) {
            (Ok(id), _) => self.ports.persons.find(id).await?,
            (_, Ok(national_id)) => self.ports.persons.find_by_national_id(&national_id).await?,
            _ => None,
        };
        self.read_by_operator(person).await
    }

    /// The patient of a reference of their directory, with their phones.
    pub async fn operator_patient(
        &self,
        reference: &PatientRef,
    ) -> PortResult<Option<(Person, Vec<Device>)>> {
        let person = self.ports.patients.find(reference).await?;
        self.read_by_operator(person).await
    }

    async fn read_by_operator(&self, person: Option<Person>) -> PortResult<Option<(Person, Vec<Device>)>> {
        let Some(person) = person else { return Ok(None) };
        let devices = self.ports.devices.list(person.id).await?;
        let event = self.by_operator(EventKind::AdministratorAction, "person_read", self.now());
        self.ports.audit.append(&event.with_person(person.id)).await?;
        Ok(Some((person, devices)))
    }

    /// Locks a person: sessions, refresh tokens and access tokens end, phones answer nothing.
    pub async fn lock_person(&self, person: &Person) -> PortResult<OperatorOutcome> {
        let now = self.now();
        let event = self.by_operator(EventKind::PersonLocked, "locked", now).with_person(person.id);
        match person.status {
            PersonStatus::Active => self.cut(CutoffScope::Person(person.id), &event, now).await,
            PersonStatus::Locked | PersonStatus::Deactivated => Ok(OperatorOutcome::Unchanged),
        }
    }

    /// Unlocks a person. What ended stays ended: the person authenticates again.
    pub async fn unlock_person(&self, id: PersonId, officers: Officers) -> PortResult<OperatorOutcome> {
        let event = self
            .by_operator(EventKind::PersonLocked, "unlocked_second_officer_unverified", self.now())
            .with_person(id)
            .with_personal("second_officer", officers.second);
        let changed = self.ports.revocation.unlock(id, &event).await?;
        if changed {
            tracing::warn!(person.id = %id, "unlocked; the second officer was not verified");
        }
        Ok(if changed { OperatorOutcome::Done } else { OperatorOutcome::Unchanged })
    }

    /// The links of a person to accounts at other providers.
    pub async fn links_of(&self, person: PersonId) -> PortResult<Vec<Link>> {
        self.ports.links.of(person).await
    }

    /// Removes a link: what the person began ends, since the account there may have begun it.
    pub async fn unlink(&self, person: PersonId, link: LinkId, by: Requester) -> PortResult<OperatorOutcome> {
        let now = self.now();
        let event = match by {
            Requester::Operator => self.by_operator(EventKind::UpstreamUnlinked, "by_operator", now),
            Requester::Person => self.succeeded(EventKind::UpstreamUnlinked, "by_person", now),
        };
        if !self.ports.links.unlink(person, link, &event.with_person(person)).await? {
            return Ok(OperatorOutcome::NotFound);
        }
        self.cutoffs.note(&Cutoff { scope: CutoffScope::Person(person), at: now });
        Ok(OperatorOutcome::Done)
    }

    /// Revokes a phone for good.
    pub async fn revoke_device(&self, id: DeviceId) -> PortResult<OperatorOutcome> {
        let now = self.now();
        let Some(device) = self.ports.devices.find(id).await? else { return Ok(OperatorOutcome::NotFound) };
        let event = self.by_operator(EventKind::DeviceRevoked, "by_operator", now);
        self.cut(CutoffScope::Device(id), &event.with_device(id).with_person(device.person), now).await
    }

    /// Disables a client: it authenticates no more, and its tokens end.
    pub async fn disable_client(&self, id: &ClientId) -> PortResult<OperatorOutcome> {
        let now = self.now();
        let Some(client) = self.ports.clients.find(id).await? else { return Ok(OperatorOutcome::NotFound) };
        if !client.enabled {
            return Ok(OperatorOutcome::Unchanged);
        }
        let event = self.by_operator(EventKind::ClientDisabled, "disabled", now).with_client(id.clone());
        let outcome = self.cut(CutoffScope::Client(id.clone()), &event, now).await;
        self.clients.forget(id);
        outcome
    }

    async fn cut(
        &self,
        scope: CutoffScope,
        event: &AuditEvent,
        now: UnixTime,
    ) -> PortResult<OperatorOutcome> {
        let cutoff = Cutoff { scope, at: now };
        let changed = self.ports.revocation.revoke(&cutoff, event).await?;
        self.cutoffs.note(&cutoff);
        Ok(if changed { OperatorOutcome::Done } else { OperatorOutcome::Unchanged })
    }

    pub(super) fn by_operator(&self, kind: EventKind, reason: &'static str, now: UnixTime) -> AuditEvent {
        self.succeeded(kind, reason, now).with_actor("operator")
    }
}
