//! [`Replay`]: an identifier is looked up and remembered in one step.

use async_trait::async_trait;

use super::InProcess;
use super::shards::Change;
use crate::adapter::ephemeral::Place;
use crate::adapter::sealed_value::Head;
use crate::base::{TokenHash, UnixTime};
use crate::ports::{PortResult, Replay, ReplayKind};

#[async_trait]
impl Replay for InProcess {
    /// An identifier whose time is over cannot be remembered, hence is never the first.
    async fn first_seen(
        &self,
        kind: ReplayKind,
        hash: &TokenHash,
        until: UnixTime,
        now: UnixTime,
    ) -> PortResult<bool> {
        if now >= until {
            return Ok(false);
        }
        let place = Place::seen(kind, hash);
        let mark = self.seal.seal(&place, Head::whole(until), &())?;
        self.values.decide(&place, now, |current| match current {
            Some(current) => self.seal.open::<()>(&place, current).map(|()| (Change::Keep, false)),
            None => Ok((Change::Put(mark), true)),
        })
    }
}
