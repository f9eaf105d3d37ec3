//! Identifiers seen once: `jti` of assertions and proofs.

use async_trait::async_trait;

use super::PortResult;
use crate::base::{TokenHash, UnixTime};

/// What kind of identifier, and what tells that it is younger than the memory; key spaces are disjoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayKind {
    /// `jti` of a client assertion (RFC 7523 3).
    ClientAssertion {
        /// When the client made it.
        made: UnixTime,
    },
    /// `jti` of a DPoP proof (RFC 9449 11.1).
    DpopProof {
        /// The generation its nonce was issued in ([`Generation::number`]).
        generation: u64,
    },
}

/// A stretch of time in which the memory lost nothing (`security.md` 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number, never used again.
    pub number: u64,
    /// Whatever was seen from this instant on is remembered.
    pub complete_since: UnixTime,
}

/// What the memory knows of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Nobody showed it before.
    First,
    /// Somebody did, or its time is over.
    Again,
    /// It is older than the memory: nobody can tell.
    Forgotten,
}

/// Memory of identifiers, ephemeral.
#[async_trait]
pub trait Replay: Send + Sync {
    /// The generation of the memory, from which a lost connection is opened again and checked.
    async fn generation(&self) -> PortResult<Generation>;

    /// The generation as last seen here, without asking.
    fn known_generation(&self) -> Generation;

    /// [`Sighting::First`] for the first caller with this identifier until `until`, if the memory is older than the
    /// identifier. A memory that cannot write is an error.
    async fn first_seen(
        &self,
        kind: ReplayKind,
        hash: &TokenHash,
        until: UnixTime,
        now: UnixTime,
    ) -> PortResult<Sighting>;
}

impl Generation {
    /// Whether an identifier of this kind may have been shown before the memory began.
    #[must_use]
    pub fn may_have_forgotten(self, kind: ReplayKind) -> bool {
        match kind {
            // Whoever shows an assertion has it, hence after it was made. Whole seconds: the same one is too early.
            ReplayKind::ClientAssertion { made } => made <= self.complete_since,
            ReplayKind::DpopProof { generation } => generation != self.number,
        }
    }
}
