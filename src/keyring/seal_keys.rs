//! The keys of stored values: which one seals, which ones open, and the numbers by which values name them.
//!
//! Design decision 18. The first seal key of a store is also the master of its blind indexes, which are looked up and
//! cannot be made again from what is stored: that part of it never changes. Holds no key material.

use std::time::Duration;

use super::{KeyRecord, KeyState, Purpose};
use crate::base::UnixTime;

/// The number of the first seal key, on which the blind indexes depend.
pub const INDEX_KEY: u32 = 1;

/// A key that opens stored values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealKey {
    /// How sealed values name it: 1 for the first of the store, 2 for the next…
    pub number: u32,
    /// Its record.
    pub kid: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made.
    pub staged_at: UnixTime,
    /// When it began to seal, if it did.
    pub activated_at: Option<UnixTime>,
}

/// The seal keys of a store, as a replica must use them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealKeys {
    /// The number of the key that seals.
    pub current: u32,
    /// Every key that opens, those ahead included, by number.
    pub openers: Vec<SealKey>,
}

/// The seal keys among `records` at `now`; none when there is no first key or none has ever sealed.
///
/// A key counts from its place in the order of staging, so that every replica gives it the same number; records are
/// never deleted. The active key seals once it was staged for `hold`, the time in which every replica reads it; until
/// then the one before it does. A store whose last key was revoked goes on sealing with the best it has.
#[must_use]
pub fn seal_keys(records: &[KeyRecord], hold: Duration, now: UnixTime) -> Option<SealKeys> {
    let mut own: Vec<_> = records.iter().filter(|key| key.purpose == Purpose::Seal).collect();
    own.sort_by(|a, b| (a.staged_at, &a.kid).cmp(&(b.staged_at, &b.kid)));
    let numbered = || (INDEX_KEY..).zip(own.iter().copied());
    let is_known = |key: &KeyRecord| now.since(key.staged_at) >= hold;
    let current = numbered()
        .filter(|(_, key)| key.activated_at.is_some() && key.state != KeyState::Gone)
        .max_by_key(|(number, key)| {
            let rank = match key.state {
                KeyState::Active if is_known(key) => 3,
                KeyState::Retiring => 2,
                KeyState::Active => 1,
                KeyState::Staged | KeyState::Gone | KeyState::Revoked => 0,
            };
            (rank, key.activated_at, *number)
        })?;
    let openers: Vec<SealKey> = numbered()
        .filter(|(_, key)| key.state != KeyState::Gone)
        .map(|(number, key)| SealKey {
            number,
            kid: key.kid.clone(),
            state: key.state,
            staged_at: key.staged_at,
            activated_at: key.activated_at,
        })
        .collect();
    openers.iter().any(|key| key.number == INDEX_KEY).then_some(SealKeys { current: current.0, openers })
}
