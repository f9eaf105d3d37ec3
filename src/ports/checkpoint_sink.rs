//! Where signed checkpoints go: outside the database, so that whoever can write it cannot change what was remembered.

use async_trait::async_trait;

use super::{PortResult, StoredCheckpoint};

/// One place.
#[async_trait]
pub trait CheckpointSink: Send + Sync {
    /// What it is, in logs and metrics.
    fn name(&self) -> &'static str;
    /// Returns once the checkpoint is there as durably as the place can. Given twice, it is kept once or twice.
    async fn keep(&self, checkpoint: &StoredCheckpoint) -> PortResult<()>;
}
