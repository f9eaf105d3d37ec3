//! What one replica knows of the keys, and with which of them it may sign.
//!
//! `OpenID Connect Core 10.1.1`: a relying party must find a key before it meets a signature made with it. A copy of the
//! JWK Set without the key may be as old as its cache time: no replica signs before every such copy has ended.

use std::collections::BTreeMap;

use super::{KeyPolicy, KeyRecord, KeyState, Purpose, signer};
use crate::base::UnixTime;

/// Why a replica signs nothing with an algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSigner {
    /// Its last good read is older than the policy's `poll`: the key may have been retired or revoked since.
    Stale,
    /// No key is in use.
    Missing,
    /// The key in use is too young: copies of the JWK Set without it are still good.
    Waiting {
        /// The key.
        kid: String,
        /// When it signs.
        until: UnixTime,
        /// Whether every replica waits, or this one alone, which came to know the key late.
        everywhere: bool,
    },
}

/// The keys as a replica last read them, and since when it has served each of them.
#[derive(Clone, Debug)]
pub struct View {
    records: Vec<KeyRecord>,
    read_at: UnixTime,
    /// Of keys that came after the start: until then this replica served a set without them.
    served_since: BTreeMap<String, UnixTime>,
}

impl View {
    /// The view of a replica that begins to serve with `records`, asked for at `read_at`: it has never served a set
    /// without one of them.
    #[must_use]
    pub const fn at_start(records: Vec<KeyRecord>, read_at: UnixTime) -> Self {
        Self { records, read_at, served_since: BTreeMap::new() }
    }

    /// Takes in what a read asked for at `read_at` gave, served from `now` on. A read overtaken by a later one, or by
    /// a withdrawal, brings no key back: of two states the later in life holds.
    pub fn read(&mut self, records: Vec<KeyRecord>, read_at: UnixTime, now: UnixTime) {
        let known = std::mem::take(&mut self.records);
        for record in &records {
            if known.iter().all(|known| known.kid != record.kid) {
                self.served_since.insert(record.kid.clone(), now);
            }
        }
        let overtaken = |known: &KeyRecord| {
            records
                .iter()
                .find(|read| read.kid == known.kid)
                .is_none_or(|read| read.state.merge(known.state) != read.state)
        };
        let kept: Vec<KeyRecord> = known.into_iter().filter(overtaken).collect();
        self.records =
            records.into_iter().filter(|read| kept.iter().all(|kept| kept.kid != read.kid)).collect();
        self.records.extend(kept);
        self.read_at = self.read_at.max(read_at);
    }

    /// Marks a key revoked before its record is read again. False when it is known to be, or unknown.
    pub fn withdraw(&mut self, kid: &str, at: UnixTime) -> bool {
        let Some(key) = self.records.iter_mut().find(|key| key.kid == kid) else { return false };
        let withdrawn = key.state != KeyState::Revoked;
        *key = key.clone().moved_to(KeyState::Revoked, at);
        withdrawn
    }

    /// Whether the key is known to be revoked, or not known.
    #[must_use]
    pub fn is_withdrawn(&self, kid: &str) -> bool {
        self.records.iter().find(|key| key.kid == kid).is_none_or(|key| key.state == KeyState::Revoked)
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &[KeyRecord] {
        &self.records
    }

    /// When the last good read was asked for.
    #[must_use]
    pub const fn read_at(&self) -> UnixTime {
        self.read_at
    }

    /// The key that signs with `algorithm` at `now`.
    ///
    /// # Errors
    /// [`NoSigner`]: this replica signs nothing rather than with a key that is stale or not known everywhere.
    pub fn signer(&self, algorithm: &str, policy: &KeyPolicy, now: UnixTime) -> Result<&KeyRecord, NoSigner> {
        // A clock that went back makes the age unknown.
        if now < self.read_at || now.since(self.read_at) > policy.poll {
            return Err(NoSigner::Stale);
        }
        let key = signer(&self.records, Purpose::Sign, algorithm).ok_or(NoSigner::Missing)?;
        let known_from = known_from(&self.records, key, policy);
        let since = self.served_since.get(&key.kid).filter(|_| !first_of_its_use(&self.records, key));
        let until = since.map_or(known_from, |since| known_from.max(since.plus(policy.jwks_max_age)));
        if now < until {
            return Err(NoSigner::Waiting { kid: key.kid.clone(), until, everywhere: now < known_from });
        }
        Ok(key)
    }
}

/// When every correct replica has served `key` for so long that no copy of the JWK Set without it is good. A key as old
/// as the first use of its algorithm has no such copy to wait for.
#[must_use]
pub fn known_from(keys: &[KeyRecord], key: &KeyRecord, policy: &KeyPolicy) -> UnixTime {
    if first_of_its_use(keys, key) { key.staged_at } else { key.staged_at.plus(policy.least_lead()) }
}

fn first_of_its_use(keys: &[KeyRecord], key: &KeyRecord) -> bool {
    let same_use = |other: &&KeyRecord| other.purpose == key.purpose && other.algorithm == key.algorithm;
    let first_use = keys.iter().filter(same_use).filter_map(|other| other.activated_at).min();
    first_use.is_none_or(|first_use| key.staged_at <= first_use)
}
