//! The state of the durable store, for readiness.

use async_trait::async_trait;

use super::PortResult;
use crate::base::UnixTime;

/// What the durable store says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurableState {
    /// This program can work with its schema.
    pub schema_fits: bool,
    /// The time there, when it has a clock of its own.
    pub clock: Option<UnixTime>,
    /// Up to when partitions were made ahead, where there are any.
    pub partitions_end: Option<UnixTime>,
}

/// What an acknowledged commit survives, by the settings of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitSafety {
    /// The loss of the server: a synchronous standby has it.
    pub standby: bool,
    /// The loss of power.
    pub disk: bool,
}

/// The durable store, asked how it is.
#[async_trait]
pub trait DurableHealth: Send + Sync {
    /// Asks it now, without a cache.
    async fn state(&self) -> PortResult<DurableState>;
    /// What an acknowledged commit survives; none for a file, which survives the end of its process and of the power.
    async fn commits(&self) -> PortResult<Option<CommitSafety>>;
    /// Connections that all replicas together may hold; none for a file.
    async fn connections(&self) -> PortResult<Option<u32>>;
}
