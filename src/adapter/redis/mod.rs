//! The ephemeral ports in Redis 7 or later: for several replicas (design decisions 2 to 4, 18).
//!
//! Every value is sealed, under the keys of [`super::ephemeral`] as `prefix:{kind:hash}`: the braces make one script
//! touch one slot of a cluster; behind sentinels or in a cluster a failover is followed. Values taken whole, sessions and access-token records are strings; values with steps
//! are hashes (version, state, deadline, body) advanced by compare-and-set in a script. Deadlines are judged by the
//! injected clock; the time to live in Redis only collects what is dead. Marks and counters hold no secret and are
//! not sealed. What a rollback of Redis must not defeat has its fence in SQL.

mod access_tokens;
mod address;
mod approvals;
mod bells;
mod connection;
mod gather;
mod generation;
mod high_water;
mod interactions;
mod lines;
mod masters;
mod one_shot;
mod opener;
mod replay;
mod script;
mod sentinels;
mod server;
mod sessions;
mod slot;
mod steps;
mod survey;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use address::{Node, RedisSettings, Servers, Watched};
pub use generation::StoreGeneration;
pub use survey::{ServerReport, survey};

pub use super::ephemeral::History;
use super::ephemeral::Place;
use super::sealed_value::{Head, SealedValue, ValueSealer};
use crate::base::{Clock, Entropy, UnixTime};
use crate::ports::{PortError, PortResult, Sealing};
use connection::Link;
use script::Script;

/// The ephemeral store in Redis; implements every ephemeral port.
pub struct RedisStore {
    link: Link,
    prefix: String,
    seal: ValueSealer,
    storage: Sealing,
    clock: Arc<dyn Clock>,
    scripts: Scripts,
}

struct Scripts {
    insert: Script,
    advance: Script,
    reserve: Script,
    exchange: Script,
    remember: Script,
    hit: Script,
    keep: Script,
}

impl RedisStore {
    /// Connects to Redis and checks it; values are sealed with `storage`.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] with a sentence, when Redis does not answer or cannot be used.
    pub async fn connect(
        settings: &RedisSettings,
        storage: impl Into<Sealing>,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
        history: History,
    ) -> PortResult<Self> {
        let storage = storage.into();
        let untouched = history == History::None;
        let store = Self {
            link: Link::new(settings, Arc::clone(&clock), untouched)?,
            prefix: settings.prefix.clone(),
            seal: ValueSealer::new(storage.clone(), entropy),
            storage,
            clock,
            scripts: Scripts::new(),
        };
        // A start can wait where a request cannot.
        let mut opened = store.link.lines().await;
        for _ in 1..ATTEMPTS {
            if opened.is_err() {
                opened = store.link.lines().await;
            }
        }
        opened.map(|_| store)
    }

    /// Since when this Redis remembers everything.
    #[must_use]
    pub fn generation(&self) -> &StoreGeneration {
        self.link.generation()
    }

    fn key(&self, place: &Place) -> String {
        format!("{}:{{{}}}", self.prefix, place.key())
    }

    /// Keeps a value as one string, replacing an earlier one.
    async fn put_whole<T: Serialize>(&self, place: &Place, head: Head, value: &T) -> PortResult<()> {
        let bytes = self.seal.seal(place, head, value)?.to_bytes();
        let mut command = redis::cmd("SET");
        command.arg(self.key(place)).arg(bytes).arg("PX").arg(self.time_to_live(head.deadline));
        self.link.run(&command).await
    }

    /// Keeps a value of something that has begun: even when memory is full.
    async fn put_begun<T: Serialize>(&self, place: &Place, head: Head, value: &T) -> PortResult<()> {
        let bytes = self.seal.seal(place, head, value)?.to_bytes();
        let mut script = self.scripts.keep.key(self.key(place));
        script.arg(bytes).arg(self.time_to_live(head.deadline));
        self.link.invoke::<bool>(&script).await.map(drop)
    }

    /// Keeps a value as one string where none is.
    async fn insert_whole<T: Serialize>(&self, place: &Place, head: Head, value: &T) -> PortResult<()> {
        let bytes = self.seal.seal(place, head, value)?.to_bytes();
        let mut command = redis::cmd("SET");
        command.arg(self.key(place)).arg(bytes).arg("NX").arg("PX").arg(self.time_to_live(head.deadline));
        let kept: Option<String> = self.link.run(&command).await?;
        kept.map(drop).ok_or(PortError::Conflict)
    }

    async fn load_whole<T: DeserializeOwned>(&self, place: &Place, now: UnixTime) -> PortResult<Option<T>> {
        self.ask_whole("GET", place, now).await
    }

    /// Removes a value and gives it to this caller alone.
    async fn take_whole<T: DeserializeOwned>(&self, place: &Place, now: UnixTime) -> PortResult<Option<T>> {
        self.ask_whole("GETDEL", place, now).await
    }

    async fn ask_whole<T: DeserializeOwned>(
        &self,
        command: &str,
        place: &Place,
        now: UnixTime,
    ) -> PortResult<Option<T>> {
        let bytes: Option<Vec<u8>> = self.link.run(redis::cmd(command).arg(self.key(place))).await?;
        let value = bytes.as_deref().map(SealedValue::from_bytes).transpose()?;
        let alive = value.filter(|value| !value.head.is_dead(now));
        match alive {
            Some(value) => self.seal.open_shared(place, &value).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read_whole(&self, place: &Place) -> PortResult<Option<Vec<u8>>> {
        self.link.run(redis::cmd("GET").arg(self.key(place))).await
    }

    /// Replaces a string if it is still as `read`.
    async fn exchange_whole<T: Serialize>(
        &self,
        place: &Place,
        read: Vec<u8>,
        head: Head,
        next: &T,
    ) -> PortResult<bool> {
        let next = self.seal.seal(place, head, next)?.to_bytes();
        let mut script = self.scripts.exchange.key(self.key(place));
        script.arg(read).arg(next).arg(self.time_to_live(head.deadline));
        self.link.invoke(&script).await
    }

    async fn forget(&self, place: &Place) -> PortResult<()> {
        self.link.run(redis::cmd("DEL").arg(self.key(place))).await
    }

    /// Milliseconds after which Redis may forget what is dead from `deadline` on.
    fn time_to_live(&self, deadline: UnixTime) -> u128 {
        deadline.since(self.clock.now()).saturating_add(SLACK).min(LONGEST).as_millis()
    }
}

impl Scripts {
    fn new() -> Self {
        Self {
            insert: Script::new(include_str!("scripts/insert.lua")),
            advance: Script::new(include_str!("scripts/advance.lua")),
            reserve: Script::new(include_str!("scripts/reserve.lua")),
            exchange: Script::new(include_str!("scripts/exchange.lua")),
            remember: Script::new(include_str!("scripts/remember.lua")),
            hit: Script::new(include_str!("scripts/hit.lua")),
            keep: Script::new(include_str!("scripts/keep.lua")),
        }
    }
}

/// How often the servers are looked for at a start, each time for as long as a request may wait.
const ATTEMPTS: usize = 3;
/// Longer than replicas' clocks may differ.
const SLACK: Duration = Duration::from_mins(1);
/// Ten years: codes of the demonstration have no deadline.
const LONGEST: Duration = Duration::from_hours(87_600);
