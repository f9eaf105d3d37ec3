//! Counters of attempts.

use std::time::Duration;

use async_trait::async_trait;

use super::PortResult;
use crate::base::UnixTime;

/// A limit: so many in so long, for one subject.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleRule {
    /// Name of the counter; key spaces are disjoint.
    pub name: &'static str,
    /// Events allowed in a window.
    pub limit: u32,
    /// Length of the window.
    pub window: Duration,
}

/// Counters, ephemeral. A counter that cannot write is an error: what it guards is refused.
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Counts one event for `subject` and tells whether it is within the limit. The window begins with its first event.
    async fn hit(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool>;
    /// Tells whether a further event would be within the limit, without counting.
    async fn allows(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool>;
}
