//! The audit log as one order of all rows, and the checkpoints of it.

use async_trait::async_trait;
use uuid::Uuid;

use super::PortResult;
use crate::audit::{ChainError, Frontier, Hash, LogEntry, StoredRow};
use crate::base::{AuditId, UnixTime};

/// What one turn of ordering did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequenced {
    /// Rows that entered.
    pub entered: u64,
    /// Rows of the log now.
    pub size: u64,
    /// When the oldest row that still waits was written.
    pub oldest_waiting: Option<UnixTime>,
    /// Lanes that cannot go on.
    pub held: Vec<ChainError>,
}

/// A signed checkpoint as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Its place among the checkpoints, from 0.
    pub number: u64,
    /// Rows of the log.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// When it was signed.
    pub at: UnixTime,
    /// The signed note.
    pub note: String,
}

/// The public half of a key that signs checkpoints, in use or not any more.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditKey {
    /// Its identifier.
    pub kid: String,
    /// The key as a JWK.
    pub jwk: serde_json::Value,
    /// When it was revoked.
    pub revoked: Option<UnixTime>,
}

/// A row, and its place in the log once it has one.
pub type FoundRow = (Option<u64>, StoredRow);

/// Where reading rows by lane goes on, and those of the page that are not in the log yet.
pub type AbsentRows = (Option<(Uuid, u64)>, Vec<StoredRow>);

/// The log.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Enters at most `limit` committed rows, in one transaction. None while another replica does it. Its outcome
    /// depends on stored rows alone: killed at any moment, the next one goes on.
    async fn sequence(&self, limit: u32) -> PortResult<Option<Sequenced>>;
    /// The tree as stored.
    async fn tree(&self) -> PortResult<Frontier>;
    /// Entries from index `from` on.
    async fn entries(&self, from: u64, limit: u32) -> PortResult<Vec<LogEntry>>;
    /// Passes `limit` rows after `after` in the order of lanes; gives those not among the first `end` entries. The
    /// place to go on at is none at the end.
    async fn absent(&self, end: u64, after: Option<(Uuid, u64)>, limit: u32) -> PortResult<AbsentRows>;
    /// Rows in the order of their identifiers, which is that of time: after `after`, up to `last`.
    async fn rows_between(&self, after: AuditId, last: AuditId, limit: u32) -> PortResult<Vec<FoundRow>>;
    /// The checkpoint of the highest number.
    async fn last_checkpoint(&self) -> PortResult<Option<StoredCheckpoint>>;
    /// Checkpoints after number `after`, in order.
    async fn checkpoints(&self, after: Option<u64>, limit: u32) -> PortResult<Vec<StoredCheckpoint>>;
    /// Stores a checkpoint. False when another replica has stored one of that number.
    async fn keep_checkpoint(&self, checkpoint: &StoredCheckpoint) -> PortResult<bool>;
    /// Every key that ever signed checkpoints.
    async fn audit_keys(&self) -> PortResult<Vec<AuditKey>>;
}
