//! [`Replay`]: `SET NX`, and what to do when the store has lost its memory.
//!
//! In a new generation ([`super::StoreGeneration`]) the store may have forgotten what was used before it began: a proof
//! whose nonce is of another generation, an assertion made before this one, are refused
//! ([`Generation::may_have_forgotten`]). Everything younger is judged as ever, at once.
//!
//! That nothing was lost since the connection was checked is seen after writing the mark: the witness of the generation
//! on the same shard is still there, hence so was everything else.

use async_trait::async_trait;

use super::RedisStore;
use crate::adapter::ephemeral::Place;
use crate::base::{TokenHash, UnixTime};
use crate::ports::{Generation, PortError, PortResult, Replay, ReplayKind, Sighting};

#[async_trait]
impl Replay for RedisStore {
    async fn generation(&self) -> PortResult<Generation> {
        self.link.lines().await?;
        Ok(self.known_generation())
    }

    fn known_generation(&self) -> Generation {
        self.link.generation().known()
    }

    /// An identifier whose time is over cannot be remembered, hence is never the first.
    async fn first_seen(
        &self,
        kind: ReplayKind,
        hash: &TokenHash,
        until: UnixTime,
        now: UnixTime,
    ) -> PortResult<Sighting> {
        self.link.lines().await?;
        // Known of these lines or of later ones; the comparison below notices the difference.
        let generation = self.known_generation();
        if now >= until {
            return Ok(Sighting::Again);
        }
        if generation.may_have_forgotten(kind) {
            return Ok(Sighting::Forgotten);
        }
        let key = self.key(&Place::seen(kind, hash));
        let time_to_live = self.time_to_live(until);
        let mut keep = redis::cmd("SET");
        keep.arg(&key).arg(until.millis()).arg("NX").arg("PX").arg(time_to_live);
        let (kept, number, lines) = self.link.run_witnessed::<Option<String>>(&keep).await?;
        if number != Some(generation.number) {
            self.link.renew(&lines);
            // Who asks next finds the new generation known.
            self.link.lines().await?;
            return match kind {
                ReplayKind::DpopProof { .. } => Ok(Sighting::Forgotten),
                ReplayKind::ClientAssertion { .. } => {
                    Err(PortError::Unavailable(String::from("redis has lost its memory")))
                }
            };
        }
        if let ReplayKind::ClientAssertion { made } = kind {
            self.link.generation().note_made(made);
        }
        if kept.is_some() {
            return Ok(Sighting::First);
        }
        let mut script = self.scripts.remember.key(key);
        script.arg(now.millis()).arg(until.millis()).arg(time_to_live);
        let first: bool = self.link.invoke(&script).await?;
        Ok(if first { Sighting::First } else { Sighting::Again })
    }
}
