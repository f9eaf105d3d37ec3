//! The personal values of the audit log, apart from its records.

use async_trait::async_trait;

use super::PortResult;
use crate::audit::{AuditEvent, SaltedField};
use crate::base::{AuditId, UnixTime};

/// The personal values of one event, by age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgedPayload {
    /// The event.
    pub event: AuditId,
    /// When it was.
    pub at: UnixTime,
    /// What happened, as stored.
    pub kind: String,
}

/// Personal values and their salts.
#[async_trait]
pub trait AuditPayloads: Send + Sync {
    /// The personal values of an event; none once erased, or when it had none.
    async fn personal(&self, event: AuditId) -> PortResult<Option<Vec<SaltedField>>>;
    /// Those older than `before`, oldest first, after `after`.
    async fn aged(
        &self,
        before: UnixTime,
        after: Option<(UnixTime, AuditId)>,
        limit: u32,
    ) -> PortResult<Vec<AgedPayload>>;
    /// Erases the values of these events in one transaction with `event`, to which the number is added. Gives it; when it
    /// is none, nothing is written.
    async fn erase(&self, events: &[AuditId], event: &AuditEvent) -> PortResult<u64>;
}
