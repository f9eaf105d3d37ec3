//! [`Replay`]: `SET NX`, and what to do when the store has lost its memory.
//!
//! After a new generation ([`super::StoreGeneration`]) the store may have forgotten identifiers used before it began;
//! each is refused until it would be refused anyway:
//!
//! * A client assertion by its `until`: it was accepted within [`ASSERTION_WINDOW`] before that at the earliest, so
//!   that one whose `until` is later than beginning + window was never used before the beginning. An `until` farther
//!   away than the window is refused always: the argument rests on the bound.
//! * A proof says nothing by its `until`. It is only judged after its nonce, which is good for a minute at most
//!   (RFC 9449 8): all are refused for that long ([`PROOF_WINDOW`]). A nonce that carries the generation's number
//!   would not need that wait.
//!
//! That nothing was lost since the connection was checked is seen after writing the mark: the generation's mark is
//! still there, hence so was everything else.

use std::time::Duration;

use async_trait::async_trait;

use super::{Generation, RedisStore};
use crate::adapter::ephemeral::Place;
use crate::base::{TokenHash, UnixTime};
use crate::ports::{PortError, PortResult, Replay, ReplayKind};

#[async_trait]
impl Replay for RedisStore {
    /// An identifier whose time is over cannot be remembered, hence is never the first.
    async fn first_seen(
        &self,
        kind: ReplayKind,
        hash: &TokenHash,
        until: UnixTime,
        now: UnixTime,
    ) -> PortResult<bool> {
        let line = self.link.line().await?;
        // Known of this connection or of a later one; the comparison below notices the difference.
        let generation = self.generation().known();
        if now >= until || may_be_forgotten(kind, generation, until, now) {
            return Ok(false);
        }
        let key = self.key(&Place::seen(kind, hash));
        let time_to_live = self.time_to_live(until);
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(&key).arg(until.millis()).arg("NX").arg("PX").arg(time_to_live);
        commands.cmd("HGET").arg(self.generation().key()).arg("number");
        let (kept, number): (Option<String>, Option<u64>) = self.link.run_all(&line, &commands).await?;
        if number != Some(generation.number) {
            self.link.give_up(&line);
            return Err(PortError::Unavailable(String::from("redis has lost its memory")));
        }
        if kept.is_some() {
            return Ok(true);
        }
        let mut script = self.scripts.remember.key(key);
        script.arg(now.millis()).arg(until.millis()).arg(time_to_live);
        self.link.invoke(&script).await
    }
}

/// Whether the identifier may have been used before the store began to remember.
fn may_be_forgotten(kind: ReplayKind, generation: Generation, until: UnixTime, now: UnixTime) -> bool {
    let since = generation.complete_since.plus(SKEW);
    // The first generation of all misses nothing.
    let whole = generation.complete_since <= UnixTime::from_millis(0);
    match kind {
        ReplayKind::ClientAssertion => {
            until > now.plus(ASSERTION_WINDOW) || (!whole && until < since.plus(ASSERTION_WINDOW))
        }
        ReplayKind::DpopProof => !whole && now < since.plus(PROOF_WINDOW),
    }
}

/// How long before its `until` an assertion may have been accepted: lives 5 minutes, and a leeway of a minute at most
/// counts twice, in the check of `exp` and in `until`.
const ASSERTION_WINDOW: Duration = Duration::from_mins(7);
/// How long a nonce is good for.
const PROOF_WINDOW: Duration = Duration::from_mins(1);
/// How far the clocks of replicas may differ.
const SKEW: Duration = Duration::from_secs(5);
