//! The generation of the store (design decision 4): what it remembers is complete only since its generation began.
//!
//! A mark in Redis carries the generation and the replication id under which it began. On each new connection, before
//! its first use, the mark is read: when it is missing (emptied, restarted without data) or of another replication id
//! (restarted, failed over), a new generation begins now, for all replicas. The number of a generation is the time of
//! its beginning in milliseconds, at least one more than the last one known: it needs no counter elsewhere, and a
//! nonce that carries it is useless in the next generation (RFC 9449 8).
//!
//! Between two connections the store may be emptied too; who decides by the absence of a mark compares the number
//! after writing ([`super::replay`]).

use std::sync::atomic::{AtomicI64, Ordering};

use redis::Script;
use redis::aio::MultiplexedConnection;
use tokio::sync::watch;

use crate::base::UnixTime;
use crate::ports::Generation;

/// The generation last seen by this process.
pub struct StoreGeneration {
    known: watch::Sender<Generation>,
    /// The latest time, in milliseconds, at which an assertion accepted here says it was made: clocks of clients may
    /// be ahead.
    latest_made: AtomicI64,
    key: String,
    script: Script,
}

impl StoreGeneration {
    pub(super) fn new(prefix: &str) -> Self {
        let none = Generation { number: 0, complete_since: UnixTime::from_millis(i64::MAX) };
        Self {
            known: watch::Sender::new(none),
            latest_made: AtomicI64::new(0),
            key: format!("{prefix}:sec:alive"),
            script: Script::new(include_str!("scripts/generation.lua")),
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

    /// Reads or begins the generation of the store at the other end. `untouched`: nothing was ever stored before, so
    /// that the first generation misses nothing.
    pub(super) async fn establish(
        &self,
        connection: &mut MultiplexedConnection,
        replication_id: &str,
        now: UnixTime,
        untouched: bool,
    ) -> redis::RedisResult<()> {
        let least = self.current().saturating_add(1);
        let (number, complete_since): (u64, i64) = self
            .script
            .key(&self.key)
            .arg(replication_id)
            .arg(now.millis().max(self.latest_made.load(Ordering::SeqCst)))
            .arg(least)
            .arg(u8::from(untouched))
            .invoke_async(connection)
            .await?;
        let found = Generation { number, complete_since: UnixTime::from_millis(complete_since) };
        self.known.send_if_modified(|known| {
            let differs = *known != found;
            *known = found;
            differs
        });
        Ok(())
    }
}
