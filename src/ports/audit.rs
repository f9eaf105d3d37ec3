//! The audit log, for events that stand alone. Others are written inside the transaction they describe.

use async_trait::async_trait;
use uuid::Uuid;

use super::PortResult;
use crate::audit::AuditEvent;
use crate::base::AuditId;

/// A row of the log as stored.
#[derive(Clone, Debug)]
pub struct AuditRow {
    /// The event.
    pub id: AuditId,
    /// The lane that wrote it.
    pub writer: Uuid,
    /// Its place in the lane.
    pub sequence: u64,
    /// Leaf hash of the row before it in the lane.
    pub previous: [u8; 32],
    /// Canonical record.
    pub record: Vec<u8>,
    /// SHA-256 of `0x00` and the record.
    pub leaf_hash: [u8; 32],
}

/// The audit log.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Appends an event; returns when it is committed.
    async fn append(&self, event: &AuditEvent) -> PortResult<()>;
    /// Rows of every lane in order of lane and sequence, at most `limit`, after `after` (lane, sequence).
    async fn rows(&self, after: Option<(Uuid, u64)>, limit: u32) -> PortResult<Vec<AuditRow>>;
}
