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
}

/// The durable store, asked how it is.
#[async_trait]
pub trait DurableHealth: Send + Sync {
    /// Asks it now, without a cache.
    async fn state(&self) -> PortResult<DurableState>;
}
