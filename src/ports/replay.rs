//! Identifiers seen once: `jti` of assertions and proofs.

use async_trait::async_trait;

use super::PortResult;
use crate::base::{TokenHash, UnixTime};

/// What kind of identifier; key spaces are disjoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayKind {
    /// `jti` of a client assertion (RFC 7523 3).
    ClientAssertion,
    /// `jti` of a DPoP proof (RFC 9449 11.1).
    DpopProof,
    /// An authorization code that came again (RFC 6749 4.1.2).
    CodeReplay,
}

/// Memory of identifiers, ephemeral.
#[async_trait]
pub trait Replay: Send + Sync {
    /// True for the first caller with this identifier until `until`. A memory that cannot write is an error.
    async fn first_seen(
        &self,
        kind: ReplayKind,
        hash: &TokenHash,
        until: UnixTime,
        now: UnixTime,
    ) -> PortResult<bool>;
}
