//! What was seen of the durable store, remembered outside of it: a store that has less was put back to an earlier state.

use async_trait::async_trait;

use super::PortResult;
use crate::base::UnixTime;

/// How far the durable store was, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HighWater {
    /// Entries of the audit log: they only grow.
    pub entries: u64,
    /// When they were counted.
    pub at: UnixTime,
}

/// The memory of it, which may be lost: then nothing was seen.
#[async_trait]
pub trait HighWaterMark: Send + Sync {
    /// What was written last.
    async fn read(&self) -> PortResult<Option<HighWater>>;
    /// Replaces what was written before.
    async fn write(&self, mark: HighWater) -> PortResult<()>;
}
