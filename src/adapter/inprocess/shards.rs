//! The bounded map under the ports: sealed values by key, in shards, each behind its own lock.
//!
//! One operation, [`Shards::decide`], reads and writes under the lock of the key. It is not async: no lock lives
//! across an await.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::striped::Striped;
use crate::adapter::ephemeral::Place;
use crate::adapter::sealed_value::SealedValue;
use crate::base::UnixTime;
use crate::ports::{PortError, PortResult};

/// What a rule does to the value it was shown.
pub(super) enum Change {
    Keep,
    Put(SealedValue),
    Remove,
}

/// Sealed values by key.
pub(super) struct Shards {
    stripes: Striped<Mutex<Shard>>,
    entries: AtomicUsize,
    max_entries: usize,
    last_full_sweep: AtomicI64,
}

struct Shard {
    values: HashMap<Box<str>, SealedValue>,
    /// Number of entries at which the shard is swept: twice what the last sweep left, so that each insertion pays
    /// for a constant number of entries looked at.
    sweep_at: usize,
}

impl Shards {
    /// An empty map for at most `max_entries` entries.
    pub(super) fn new(max_entries: usize) -> Self {
        Self {
            stripes: Striped::new(SHARDS, || {
                Mutex::new(Shard { values: HashMap::new(), sweep_at: MIN_SWEEP })
            }),
            entries: AtomicUsize::new(0),
            max_entries,
            last_full_sweep: AtomicI64::new(0),
        }
    }

    /// Shows `rule` the value alive at `now` and does what it says, under the lock of the key. Nothing changes when
    /// the rule fails or when there is no room.
    pub(super) fn decide<R>(
        &self,
        place: &Place,
        now: UnixTime,
        rule: impl FnOnce(Option<&SealedValue>) -> PortResult<(Change, R)>,
    ) -> PortResult<R> {
        self.make_room(now);
        let mut shard = lock(self.stripes.of(place.key()));
        let (change, answer) = rule(alive(&shard, place, now))?;
        match change {
            Change::Keep => {}
            Change::Put(value) => self.put(&mut shard, place.key(), value, now)?,
            Change::Remove => {
                if shard.values.remove(place.key()).is_some() {
                    self.entries.fetch_sub(1, Ordering::Relaxed);
                }
            }
        }
        Ok(answer)
    }

    /// The value alive at `now`.
    pub(super) fn get(&self, place: &Place, now: UnixTime) -> Option<SealedValue> {
        alive(&lock(self.stripes.of(place.key())), place, now).cloned()
    }

    /// Forgets what is dead at `now`; the number of entries forgotten.
    pub(super) fn sweep(&self, now: UnixTime) -> usize {
        self.stripes.iter().map(|shard| self.sweep_shard(&mut lock(shard), now)).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    pub(super) fn at_rest(&self) -> Vec<(String, Vec<u8>)> {
        let copy = |shard: &Mutex<Shard>| {
            lock(shard)
                .values
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_bytes()))
                .collect::<Vec<_>>()
        };
        self.stripes.iter().flat_map(copy).collect()
    }

    pub(super) fn overwrite(&self, key: &str, value: SealedValue) {
        if lock(self.stripes.of(key)).values.insert(key.into(), value).is_none() {
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn put(&self, shard: &mut Shard, key: &str, value: SealedValue, now: UnixTime) -> PortResult<()> {
        if let Some(current) = shard.values.get_mut(key) {
            *current = value;
            return Ok(());
        }
        if shard.values.len() >= shard.sweep_at {
            self.sweep_shard(shard, now);
        }
        let room = |entries| (entries < self.max_entries).then_some(entries + 1);
        if self.entries.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err() {
            return Err(PortError::Unavailable(String::from("the ephemeral store is full")));
        }
        shard.values.insert(key.into(), value);
        Ok(())
    }

    fn sweep_shard(&self, shard: &mut Shard, now: UnixTime) -> usize {
        let before = shard.values.len();
        shard.values.retain(|_, value| !value.head.is_dead(now));
        let left = shard.values.len();
        shard.sweep_at = left.saturating_mul(2).max(MIN_SWEEP);
        self.entries.fetch_sub(before - left, Ordering::Relaxed);
        before - left
    }

    /// When full, sweeps everything, at most once a second of the caller's time in either direction: a flood is not
    /// answered by work.
    fn make_room(&self, now: UnixTime) {
        if self.len() < self.max_entries {
            return;
        }
        let last = self.last_full_sweep.swap(now.millis(), Ordering::Relaxed);
        if now.millis().abs_diff(last) < FULL_SWEEP_MILLIS {
            self.last_full_sweep.store(last, Ordering::Relaxed);
            return;
        }
        self.sweep(now);
    }
}

fn alive<'a>(shard: &'a Shard, place: &Place, now: UnixTime) -> Option<&'a SealedValue> {
    shard.values.get(place.key()).filter(|value| !value.head.is_dead(now))
}

/// A panic elsewhere leaves the map whole: every change is one call.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

const SHARDS: usize = 64;
const MIN_SWEEP: usize = 64;
const FULL_SWEEP_MILLIS: u64 = 1000;
