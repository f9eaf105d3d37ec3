//! [`Replay`]: an identifier is looked up and remembered in one step.

use async_trait::async_trait;

use super::InProcess;
use super::shards::Change;
use crate::adapter::ephemeral::Place;
use crate::adapter::sealed_value::Head;
use crate::base::{TokenHash, UnixTime};
use crate::ports::{Generation, PortResult, Replay, ReplayKind, Sighting};

#[async_trait]
impl Replay for InProcess {
    async fn generation(&self) -> PortResult<Generation> {
        Ok(self.generation)
    }

    fn known_generation(&self) -> Generation {
        self.generation
    }

    /// An identifier whose time is over cannot be remembered, hence is never the first.
    async fn first_seen(
        &self,
        kind: ReplayKind,
        hash: &TokenHash,
        until: UnixTime,
        now: UnixTime,
    ) -> PortResult<Sighting> {
        if now >= until {
            return Ok(Sighting::Again);
        }
        if self.generation.may_have_forgotten(kind) {
            return Ok(Sighting::Forgotten);
        }
        let place = Place::seen(kind, hash);
        let mark = self.seal.seal(&place, Head::whole(until), &())?;
        self.values.decide(&place, now, |current| match current {
            Some(current) => self.seal.open::<()>(&place, current).map(|()| (Change::Keep, Sighting::Again)),
            None => Ok((Change::Put(mark), Sighting::First)),
        })
    }
}
