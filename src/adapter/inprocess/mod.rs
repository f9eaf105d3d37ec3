//! The ephemeral ports in this process: for one replica, tests and the demonstration.
//!
//! Values are sealed as in Redis, under the same keys ([`super::ephemeral`]), and compared with the time of the
//! caller or of the injected clock. The number of entries is bounded: when full, nothing new is taken and what runs
//! goes on (security 4.4). All is lost when the process ends, which only makes a person start again.

mod access_tokens;
mod approvals;
mod high_water;
mod interactions;
mod one_shot;
mod replay;
mod sessions;
mod shards;
mod striped;
mod throttle;

use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::ephemeral::{History, Place};
use super::sealed_value::{Head, SealedValue, ValueSealer};
use crate::base::{Clock, Entropy, EntropyExt as _, UnixTime};
use crate::ports::{Generation, HighWater, PortError, PortResult, Sealing, Versioned};
use shards::{Change, Shards};
use striped::Striped;

/// Entries kept at most unless told otherwise.
pub const MAX_ENTRIES: usize = 1_000_000;

/// The ephemeral store of this process; implements every ephemeral port.
pub struct InProcess {
    values: Shards,
    seal: ValueSealer,
    clock: Arc<dyn Clock>,
    generation: Generation,
    /// What was seen of the durable store.
    seen: Mutex<Option<HighWater>>,
    /// Taken while an approval is opened, so that limit and number are decided by one caller at a time.
    turns: Striped<Mutex<()>>,
    /// Rung when an approval changes; shared by approvals that hash alike.
    bells: Striped<Notify>,
}

impl InProcess {
    /// An empty store that seals with `storage`; its memory begins now.
    #[must_use]
    pub fn new(
        storage: impl Into<Sealing>,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
        history: History,
    ) -> Self {
        let complete_since = match history {
            History::None => UnixTime::from_millis(0),
            History::Some => clock.now(),
        };
        // Drawn: that of an earlier process was another one.
        let number = u64::from_be_bytes(entropy.bytes());
        Self {
            generation: Generation { number, complete_since },
            seen: Mutex::default(),
            values: Shards::new(MAX_ENTRIES),
            seal: ValueSealer::new(storage.into(), entropy),
            clock,
            turns: Striped::new(TURNS, Mutex::default),
            bells: Striped::new(BELLS, Notify::default),
        }
    }

    /// The same, empty, for at most `entries` entries.
    #[must_use]
    pub fn with_max_entries(self, entries: usize) -> Self {
        Self { values: Shards::new(entries), ..self }
    }

    /// Forgets what is dead at `now`; the number of entries forgotten. Inserting does the same bit by bit, so that
    /// calling this only frees memory sooner.
    pub fn sweep(&self, now: UnixTime) -> usize {
        self.values.sweep(now)
    }

    /// Entries kept, dead ones not yet forgotten included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything as it is kept, key and bytes, to check from outside that nothing lies in clear.
    #[must_use]
    pub fn at_rest(&self) -> Vec<(String, Vec<u8>)> {
        self.values.at_rest()
    }

    /// Puts `bytes` under `key` as another writer would, to check from outside that alterations are noticed.
    ///
    /// # Errors
    /// [`PortError::Corrupt`] when `bytes` is not even shaped like a sealed value.
    pub fn overwrite(&self, key: &str, bytes: &[u8]) -> PortResult<()> {
        self.values.overwrite(key, SealedValue::from_bytes(bytes)?);
        Ok(())
    }

    /// Keeps a value, replacing an earlier one.
    fn put_value<T: Serialize>(&self, place: &Place, head: Head, value: &T) -> PortResult<()> {
        let value = self.seal.seal(place, head, value)?;
        self.values.decide(place, self.clock.now(), |_| Ok((Change::Put(value), ())))
    }

    /// Keeps a value where none lives.
    fn insert_value<T: Serialize>(&self, place: &Place, head: Head, value: &T) -> PortResult<()> {
        let value = self.seal.seal(place, head, value)?;
        self.values.decide(place, self.clock.now(), |current| match current {
            None => Ok((Change::Put(value), ())),
            Some(_) => Err(PortError::Conflict),
        })
    }

    /// Removes a value and gives it to this caller alone.
    fn take_value<T: DeserializeOwned>(&self, place: &Place, now: UnixTime) -> PortResult<Option<T>> {
        let taken = self.values.decide(place, now, |current| Ok((Change::Remove, current.cloned())))?;
        taken.map(|value| self.seal.open(place, &value)).transpose()
    }

    fn load_value<T: DeserializeOwned>(
        &self,
        place: &Place,
        now: UnixTime,
    ) -> PortResult<Option<Versioned<T>>> {
        let Some(value) = self.values.get(place, now) else {
            return Ok(None);
        };
        Ok(Some(Versioned { version: value.head.version, value: self.seal.open(place, &value)? }))
    }

    /// Replaces version `expected` by `next`, whose head carries the version after it.
    fn replace_value<T: Serialize>(
        &self,
        place: &Place,
        expected: u64,
        head: Head,
        next: &T,
    ) -> PortResult<bool> {
        let value = self.seal.seal(place, head, next)?;
        self.values.decide(place, self.clock.now(), |current| {
            Ok(match current {
                Some(current) if current.head.version == expected => (Change::Put(value), true),
                _ => (Change::Keep, false),
            })
        })
    }

    fn remove_value(&self, place: &Place) -> PortResult<()> {
        self.values.decide(place, self.clock.now(), |_| Ok((Change::Remove, ())))
    }
}

const TURNS: usize = 256;
const BELLS: usize = 1024;
