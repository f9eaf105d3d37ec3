//! Changes that the national directory brings.

use async_trait::async_trait;

use super::PortResult;
use crate::audit::AuditEvent;
use crate::identity::Person;

/// What an import changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectoryCounts {
    /// Persons new to the store.
    pub created: u64,
    /// Persons whose record changed.
    pub updated: u64,
    /// Persons whose record is the same.
    pub unchanged: u64,
}

/// The directory, durable.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Inserts or updates `persons` by identity number, in one transaction with `event`. A known person keeps
    /// id, subject seed and status; only the professional record follows the directory.
    async fn apply(&self, persons: &[Person], event: &AuditEvent) -> PortResult<DirectoryCounts>;
}
