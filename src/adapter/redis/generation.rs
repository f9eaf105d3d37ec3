//! The generation of the store (design decision 4): what it remembers is complete only since its generation began.
//!
//! A mark in Redis carries the generation and the replication id under which it began. On each new connection, before
//! its first use, the mark is read: when it is missing (emptied, restarted without data) or of another replication id
//! (restarted, failed over), a new generation begins now, for all replicas. The number of a generation is the time of
//! its beginning in milliseconds, at least one more than the last one known: it needs no counter elsewhere, and a
//! nonce that carries it is useless in the next generation (RFC 9449 8).
//!
//! In a cluster the mark is on one shard, its replication id is made of those of all masters, and each shard has a
//! *witness* with the number: the failover of one shard, or a witness that is missing, begins a new generation for
//! everything. What one shard has forgotten is not worth telling apart.
//!
//! Between two connections the store may be emptied too; who decides by the absence of a mark compares the number
//! after writing ([`super::replay`]) with that of the witness beside what was written; the mark itself where there is
//! one shard.

use std::sync::atomic::{AtomicI64, Ordering};

use redis::{ErrorKind, RedisError, RedisResult, Script};
use tokio::sync::watch;

use super::lines::{Shard, Slots};
use super::slot::{SLOTS, slot_of};
use crate::base::{UnixTime, base64url, sha256};
use crate::ports::Generation;

/// The generation last seen by this process.
pub struct StoreGeneration {
    known: watch::Sender<Generation>,
    /// The latest time, in milliseconds, at which an assertion accepted here says it was made: clocks of clients may
    /// be ahead.
    latest_made: AtomicI64,
    key: String,
    script: Script,
    witness: Script,
}

impl StoreGeneration {
    pub(super) fn new(prefix: &str) -> Self {
        let none = Generation { number: 0, complete_since: UnixTime::from_millis(i64::MAX) };
        Self {
            known: watch::Sender::new(none),
            latest_made: AtomicI64::new(0),
            key: format!("{prefix}:sec:alive"),
            script: Script::new(include_str!("scripts/generation.lua")),
            witness: Script::new(include_str!("scripts/witness.lua")),
        }
    }

    /// The number of the generation: what a nonce should carry.
    #[must_use]
    pub fn current(&self) -> u64 {
        self.known().number
    }

    /// Tells of each new generation that this process sees.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Generation> {
        self.known.subscribe()
    }

    /// The generation last seen.
    #[must_use]
    pub fn known(&self) -> Generation {
        *self.known.borrow()
    }

    /// An assertion made at `made` was accepted: a later generation begins no earlier.
    pub(super) fn note_made(&self, made: UnixTime) {
        self.latest_made.fetch_max(made.millis(), Ordering::SeqCst);
    }

    /// The key of the mark.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The key of the witness of a shard: one that lies in its slots.
    pub(super) fn witness_of(&self, slots: &[Slots]) -> String {
        let name = |number: u32| format!("{}:{{{number}}}", self.key);
        let here = |name: &String| slots.iter().any(|slots| slots.contains(&slot_of(name.as_bytes())));
        (0..u32::from(SLOTS) * MANY).map(name).find(here).unwrap_or_else(|| self.key.clone())
    }

    /// Reads or begins the generation of the store at the other end. `untouched`: nothing was ever stored before, so
    /// that the first generation misses nothing.
    pub(super) async fn establish(
        &self,
        shards: &[Shard],
        now: UnixTime,
        untouched: bool,
    ) -> RedisResult<()> {
        for _ in 0..ATTEMPTS {
            let seen = self.seen(shards).await?;
            let lost = seen.contains(&None);
            let found = self.begin(shards, now, (untouched, lost)).await?;
            // Another replica may have begun a later one in between.
            if self.bear_witness(shards, &seen, found.number).await? {
                self.known.send_if_modified(|known| {
                    let differs = *known != found;
                    *known = found;
                    differs
                });
                return Ok(());
            }
        }
        Err(RedisError::from((ErrorKind::Client, "its generation changes again and again")))
    }

    /// The number of each witness; of a store of one shard, none is asked.
    async fn seen(&self, shards: &[Shard]) -> RedisResult<Vec<Option<u64>>> {
        let mut numbers = Vec::new();
        for shard in self.apart(shards) {
            let mut read = redis::cmd("HGET");
            read.arg(&shard.witness).arg("number");
            numbers.push(read.query_async(&mut shard.line.connection.clone()).await?);
        }
        Ok(numbers)
    }

    /// The mark, of a new generation when it is of another history or a shard has `lost` its memory.
    async fn begin(
        &self,
        shards: &[Shard],
        now: UnixTime,
        (untouched, lost): (bool, bool),
    ) -> RedisResult<Generation> {
        let slot = slot_of(self.key.as_bytes());
        let home = shards.iter().find(|shard| shard.has(slot));
        let home = home.ok_or_else(|| RedisError::from((ErrorKind::Client, "no shard has its mark")))?;
        let (number, complete_since): (u64, i64) = self
            .script
            .key(&self.key)
            .arg(history(shards))
            .arg(now.millis().max(self.latest_made.load(Ordering::SeqCst)))
            .arg(self.current().saturating_add(1))
            .arg(u8::from(untouched))
            .arg(u8::from(lost))
            .invoke_async(&mut home.line.connection.clone())
            .await?;
        Ok(Generation { number, complete_since: UnixTime::from_millis(complete_since) })
    }

    /// Whether every shard then keeps `number`.
    async fn bear_witness(&self, shards: &[Shard], seen: &[Option<u64>], number: u64) -> RedisResult<bool> {
        for (shard, seen) in self.apart(shards).zip(seen) {
            if *seen == Some(number) {
                continue;
            }
            // One that is gone since it was seen is not made again here: that would hide the loss.
            let mut connection = shard.line.connection.clone();
            let mut call = self.witness.key(&shard.witness);
            let kept: u64 =
                call.arg(number).arg(u8::from(seen.is_none())).invoke_async(&mut connection).await?;
            if kept != number {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The shards whose witness is not the mark itself.
    fn apart<'a>(&self, shards: &'a [Shard]) -> impl Iterator<Item = &'a Shard> {
        shards.iter().filter(|shard| shard.witness != self.key)
    }
}

/// What tells one history of all writes from another.
fn history(shards: &[Shard]) -> String {
    if let [only] = shards {
        return only.replication_id.clone();
    }
    let mut ids: Vec<&[u8]> = shards.iter().map(|shard| shard.replication_id.as_bytes()).collect();
    ids.sort_unstable();
    base64url(sha256(&ids))
}

/// Attempts while other replicas begin generations too.
const ATTEMPTS: usize = 3;
/// Names tried for each slot that a shard may have.
const MANY: u32 = 16;
