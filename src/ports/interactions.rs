//! Authorization requests in progress, ephemeral, advanced by compare-and-set.

use async_trait::async_trait;

use super::PortResult;
use crate::base::{InteractionId, UnixTime};
use crate::interaction::Interaction;

/// A stored value and its version.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// Version to hand to `advance`.
    pub version: u64,
    /// The value.
    pub value: T,
}

/// Store of interactions.
#[async_trait]
pub trait Interactions: Send + Sync {
    /// Adds an interaction at version 0, kept until its deadline.
    async fn insert(&self, interaction: &Interaction) -> PortResult<()>;
    /// An interaction in time.
    async fn load(&self, id: InteractionId, now: UnixTime) -> PortResult<Option<Versioned<Interaction>>>;
    /// Replaces version `expected` by `next`; false when another step was faster or it is gone.
    async fn advance(&self, expected: u64, next: &Interaction) -> PortResult<bool>;
}
