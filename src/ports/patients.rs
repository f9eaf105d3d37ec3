//! The directory of patients.

use async_trait::async_trait;

use super::PortResult;
use crate::audit::AuditEvent;
use crate::base::PersonId;
use crate::identity::{InsEnvironment, PatientRef, Person};

/// A patient as their directory tells them now.
pub struct PatientRecord {
    /// The person to store when the reference is unknown. Of a known one the identity alone is taken: identifier, seed,
    /// cooling period and declared address stay.
    pub person: Person,
    /// Recorded when the person is dead and was not before: what they began ends.
    pub ended: AuditEvent,
    /// Recorded when the person was dead and is not any more.
    pub returned: AuditEvent,
}

/// What an import did, in patients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatientCounts {
    /// New ones.
    pub created: u64,
    /// Changed ones.
    pub updated: u64,
    /// As they were.
    pub unchanged: u64,
    /// Among the first two, those who are dead.
    pub deactivated: u64,
}

/// The patients, durable. A reference is found by a blind index; the traits have another, for first links.
#[async_trait]
pub trait Patients: Send + Sync {
    /// The patient of this reference, whatever their status.
    async fn find(&self, reference: &PatientRef) -> PortResult<Option<Person>>;
    /// Creates or updates patients in one transaction with `event`, to which the counts are added. A lock stays, but the
    /// dead are deactivated.
    async fn import(&self, records: &[PatientRecord], event: &AuditEvent) -> PortResult<PatientCounts>;
    /// Keeps the e-mail address that an active patient declared, in place of an earlier one, in one transaction with
    /// `event`. False, and nothing is written, when there is no such patient.
    async fn declare_email(&self, person: PersonId, email: &str, event: &AuditEvent) -> PortResult<bool>;
    /// The patients whose record names `guardian` among those who may act for them, whatever the term or the status.
    async fn represented_by(&self, guardian: &PatientRef) -> PortResult<Vec<Person>>;
    /// Whether a matricule of a register of `environment` is stored.
    async fn has_ins_of(&self, environment: InsEnvironment) -> PortResult<bool>;
}
