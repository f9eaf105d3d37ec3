//! [`Sessions`]: one string each, exchanged when touched; touching never brings back a removed one.

use async_trait::async_trait;

use super::RedisStore;
use crate::adapter::ephemeral::{Place, session_head};
use crate::adapter::sealed_value::SealedValue;
use crate::base::{TokenHash, UnixTime};
use crate::ports::{PortError, PortResult, Session, Sessions};

#[async_trait]
impl Sessions for RedisStore {
    async fn insert(&self, cookie: &TokenHash, session: &Session) -> PortResult<()> {
        self.insert_whole(&Place::session(cookie), session_head(0, session), session).await
    }

    async fn load(&self, cookie: &TokenHash, now: UnixTime) -> PortResult<Option<Session>> {
        self.load_whole(&Place::session(cookie), now).await
    }

    async fn touch(&self, cookie: &TokenHash, idle_end: UnixTime, now: UnixTime) -> PortResult<bool> {
        let place = Place::session(cookie);
        for _ in 0..ATTEMPTS {
            match self.touch_once(&place, idle_end, now).await? {
                Touched::Yes => return Ok(true),
                Touched::Gone => return Ok(false),
                Touched::OtherWasFaster => {}
            }
        }
        Err(PortError::Conflict)
    }

    async fn remove(&self, cookie: &TokenHash) -> PortResult<()> {
        self.forget(&Place::session(cookie)).await
    }
}

enum Touched {
    Yes,
    Gone,
    OtherWasFaster,
}

impl RedisStore {
    async fn touch_once(&self, place: &Place, idle_end: UnixTime, now: UnixTime) -> PortResult<Touched> {
        let Some(read) = self.read_whole(place).await? else { return Ok(Touched::Gone) };
        let current = SealedValue::from_bytes(&read)?;
        if current.head.is_dead(now) {
            return Ok(Touched::Gone);
        }
        let session = Session { idle_end, ..self.seal.open_shared(place, &current).await? };
        let head = session_head(current.head.version.saturating_add(1), &session);
        let exchanged = self.exchange_whole(place, read, head, &session).await?;
        Ok(if exchanged { Touched::Yes } else { Touched::OtherWasFaster })
    }
}

/// More than one browser sends at once.
const ATTEMPTS: usize = 32;
