//! The scheduled moves of keys: one pure, total, deterministic function of records, policy and time.
//!
//! `OpenID Connect Core 10.1.1`. Actions of one sweep are stored together (activation and retirement in one
//! transaction), then the sweep is repeated until it is empty. Revocation is an officer's act, not a sweep's.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::view::known_from;
use super::{KeyPolicy, KeyRecord, KeyState, Purpose};
use crate::base::UnixTime;

/// One move to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Generate a key and publish it as the standby.
    Stage {
        /// Its use.
        purpose: Purpose,
        /// Its algorithm.
        algorithm: String,
    },
    /// Put a standby in use.
    Activate {
        /// The key.
        kid: String,
    },
    /// Take a key out of use; it stays published.
    Retire {
        /// The key.
        kid: String,
    },
    /// Stop publishing a retired key.
    Forget {
        /// The key.
        kid: String,
    },
}

/// What `policy` asks of `keys` at `now`. Signing keys are kept for the algorithms of the policy, which wind
/// down when it drops them, as do keys of a purpose that is used no more; keys of other purposes are kept once the first has been made, which the policy may ask of
/// decryption keys: an upstream may still encrypt to a key that our settings ceased to name.
#[must_use]
pub fn sweep(keys: &[KeyRecord], policy: &KeyPolicy, now: UnixTime) -> Vec<Action> {
    uses(keys, policy)
        .into_iter()
        .flat_map(|(purpose, algorithm)| {
            let mut own: Vec<_> = of_use(keys, purpose, algorithm).collect();
            own.sort_by(|a, b| (a.staged_at, &a.kid).cmp(&(b.staged_at, &b.kid)));
            let kept = match purpose {
                Purpose::Sign => policy.algorithms.iter().any(|name| name == algorithm),
                purpose => purpose.is_used(),
            };
            let mut actions = if kept { keep_up(&own, policy, now) } else { wind_down(&own) };
            if kept && wants_standby(&own, purpose, &actions) {
                actions.push(Action::Stage { purpose, algorithm: algorithm.to_owned() });
            }
            actions.extend(forget(&own, policy, now));
            actions
        })
        .collect()
}

/// The key that signs (or seals, or authenticates) for this use: the active one; of two, during a takeover
/// seen half-way, the latest.
#[must_use]
pub fn signer<'a>(keys: &'a [KeyRecord], purpose: Purpose, algorithm: &str) -> Option<&'a KeyRecord> {
    of_use(keys, purpose, algorithm)
        .filter(|key| key.state == KeyState::Active)
        .max_by_key(|key| (in_use_since(key), &key.kid))
}

/// The keys of `/jwks`, those of signatures first. Signing keys: staged, active and retiring; the active one first,
/// for the relying parties that take the first key, then the newest. Decryption keys: the active one alone, since
/// whoever encrypts must find one key, and need not know it ahead.
#[must_use]
pub fn published(keys: &[KeyRecord]) -> Vec<&KeyRecord> {
    let is_shown = |key: &&KeyRecord| match key.purpose {
        Purpose::Sign => matches!(key.state, KeyState::Staged | KeyState::Active | KeyState::Retiring),
        Purpose::Decrypt => key.state == KeyState::Active,
        Purpose::Seal | Purpose::Cookie | Purpose::Nonce | Purpose::Pairwise | Purpose::Audit => false,
    };
    let mut shown: Vec<_> = keys.iter().filter(is_shown).collect();
    shown.sort_by_key(|key| (key.purpose, key.state != KeyState::Active, Reverse(key.staged_at), &key.kid));
    shown
}

/// The keys that open what was encrypted with `algorithm`, the one in use first: a retired one still opens, for as
/// long as its private part is kept, what an upstream with an older copy of `/jwks` sends.
#[must_use]
pub fn openers<'a>(keys: &'a [KeyRecord], algorithm: &str) -> Vec<&'a KeyRecord> {
    let mut own: Vec<_> = of_use(keys, Purpose::Decrypt, algorithm)
        .filter(|key| matches!(key.state, KeyState::Active | KeyState::Retiring))
        .collect();
    own.sort_by_key(|key| (key.state, Reverse(in_use_since(key)), &key.kid));
    own
}

/// Whether the active key of this use may be revoked without a verifying failure: a standby has been
/// published for as long as caches, replicas and clocks need.
#[must_use]
pub fn standby_ready(keys: &[KeyRecord], policy: &KeyPolicy, of: (Purpose, &str), now: UnixTime) -> bool {
    of_use(keys, of.0, of.1).any(|key| key.state == KeyState::Staged && now >= known_from(keys, key, policy))
}

fn keep_up(own: &[&KeyRecord], policy: &KeyPolicy, now: UnixTime) -> Vec<Action> {
    let mut active: Vec<_> = own.iter().filter(|key| key.state == KeyState::Active).collect();
    active.sort_by_key(|key| (in_use_since(key), &key.kid));
    let mut staged = own.iter().filter(|key| key.state == KeyState::Staged);

    let Some(current) = active.pop() else {
        if ever_used(own) && own.iter().any(|key| !key.purpose.rotates()) {
            return Vec::new();
        }
        // Never used, or the one in use was revoked: the standby published longest takes over at once. A
        // relying party that reads /jwks again on an unknown kid notices nothing; no signer at all stops all.
        return staged.next().map(|key| Action::Activate { kid: key.kid.clone() }).into_iter().collect();
    };
    // Two replicas may have activated one each: the latest stays.
    let mut actions: Vec<_> = active.iter().map(|key| Action::Retire { kid: key.kid.clone() }).collect();
    let due = current.purpose.rotates() && now.since(in_use_since(current)) >= policy.rotation;
    let planned = |key: &KeyRecord| current.purpose.rotates() && key.activates_at.is_some();
    if let Some(next) = staged.find(|key| (due || planned(key)) && ready(key, policy, now)) {
        actions.push(Action::Activate { kid: next.kid.clone() });
        actions.push(Action::Retire { kid: current.kid.clone() });
    }
    actions
}

/// The policy keeps this algorithm no more, or nothing uses the purpose: nothing new is signed, what was signed stays
/// verifiable.
fn wind_down(own: &[&KeyRecord]) -> Vec<Action> {
    own.iter()
        .filter(|key| matches!(key.state, KeyState::Staged | KeyState::Active))
        .map(|key| Action::Retire { kid: key.kid.clone() })
        .collect()
}

fn forget(own: &[&KeyRecord], policy: &KeyPolicy, now: UnixTime) -> Vec<Action> {
    own.iter()
        .filter(|key| key.state == KeyState::Retiring && key.purpose.forgettable())
        .filter(|key| key.retired_at.is_some_and(|at| now >= at.plus(policy.retirement)))
        .map(|key| Action::Forget { kid: key.kid.clone() })
        .collect()
}

/// A standby is ready when published for the whole lead; where officers planned a time, from then on, and never before
/// caches and replicas know it.
fn ready(key: &KeyRecord, policy: &KeyPolicy, now: UnixTime) -> bool {
    match key.activates_at {
        Some(at) => now >= at.max(key.staged_at.plus(policy.least_lead())),
        None => now >= key.staged_at.plus(policy.lead),
    }
}

/// A standby always, except of a key that only persons may replace.
fn wants_standby(own: &[&KeyRecord], purpose: Purpose, actions: &[Action]) -> bool {
    if !purpose.rotates() && (ever_used(own) || !actions.is_empty()) {
        return false;
    }
    let leaves = |kid: &str| {
        actions.iter().any(|action| matches!(action, Action::Activate { kid: taken } if taken == kid))
    };
    !own.iter().any(|key| key.state == KeyState::Staged && !leaves(&key.kid))
}

fn ever_used(own: &[&KeyRecord]) -> bool {
    own.iter().any(|key| key.activated_at.is_some() || key.state == KeyState::Active)
}

fn uses<'a>(keys: &'a [KeyRecord], policy: &'a KeyPolicy) -> BTreeSet<(Purpose, &'a str)> {
    let asked = policy.algorithms.iter().map(|name| (Purpose::Sign, name.as_str()));
    let opening = policy.decryption.iter().map(|name| (Purpose::Decrypt, name.as_str()));
    let made = keys.iter().map(|key| (key.purpose, key.algorithm.as_str()));
    asked.chain(opening).chain(made).collect()
}

fn of_use<'a>(
    keys: &'a [KeyRecord],
    purpose: Purpose,
    algorithm: &str,
) -> impl Iterator<Item = &'a KeyRecord> {
    keys.iter().filter(move |key| key.purpose == purpose && key.algorithm == algorithm)
}

fn in_use_since(key: &KeyRecord) -> UnixTime {
    key.activated_at.unwrap_or(key.staged_at)
}
