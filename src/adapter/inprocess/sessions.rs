//! [`Sessions`]: a session ends by idleness or absolutely; touching it never brings back a removed one.

use async_trait::async_trait;

use super::InProcess;
use super::shards::Change;
use crate::adapter::ephemeral::{Place, session_head};
use crate::base::{TokenHash, UnixTime};
use crate::ports::{PortResult, Session, Sessions};

#[async_trait]
impl Sessions for InProcess {
    async fn insert(&self, cookie: &TokenHash, session: &Session) -> PortResult<()> {
        self.insert_value(&Place::session(cookie), session_head(0, session), session)
    }

    async fn load(&self, cookie: &TokenHash, now: UnixTime) -> PortResult<Option<Session>> {
        Ok(self.load_value(&Place::session(cookie), now)?.map(|stored| stored.value))
    }

    async fn touch(&self, cookie: &TokenHash, idle_end: UnixTime, now: UnixTime) -> PortResult<bool> {
        let place = Place::session(cookie);
        self.values.decide(&place, now, |current| {
            let Some(current) = current else {
                return Ok((Change::Keep, false));
            };
            let session = Session { idle_end, ..self.seal.open(&place, current)? };
            let head = session_head(current.head.version.saturating_add(1), &session);
            Ok((Change::Put(self.seal.seal(&place, head, &session)?), true))
        })
    }

    async fn remove(&self, cookie: &TokenHash) -> PortResult<()> {
        self.remove_value(&Place::session(cookie))
    }
}
