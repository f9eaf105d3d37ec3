//! What an officer may do with a key, decided before anything changes, and refused in words.
//!
//! Design decisions 16 and 17. Who the officers are, and whether there are enough of them, is the caller's.

use super::view::known_from;
use super::{KeyPolicy, KeyRecord, KeyState, Purpose};
use crate::base::UnixTime;

/// Why a key is not moved, as the officer reads it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// No record.
    #[error("no key has this identifier: `sceau keys status` lists them all")]
    Unknown,
    /// Only a standby is activated.
    #[error("the key is {0}: only a staged key can be activated")]
    NotStaged(&'static str),
    /// Caches do not know it yet.
    #[error(
        "the key was published too recently: relying parties may hold a JWK Set without it. It can be activated from {0} on"
    )]
    TooYoung(UnixTime),
    /// The time asked for is too early.
    #[error(
        "the key cannot be activated before {0}: relying parties may hold a JWK Set without it until then"
    )]
    TooEarly(UnixTime),
    /// Nothing to retire.
    #[error(
        "the key is {0}: only the active key is retired. A standby that should not be used is revoked, and another is made"
    )]
    NotActive(&'static str),
    /// Nobody would sign.
    #[error(
        "no standby is published: nothing could take over. `sceau keys status` shows one within ten seconds of a running `sceau serve`, or open the store with any command"
    )]
    NoStandby,
    /// The successor would sign too early.
    #[error(
        "the standby {kid} may not take over before {from}: relying parties may hold a JWK Set without it"
    )]
    StandbyTooYoung {
        /// The standby.
        kid: String,
        /// From when it may.
        from: UnixTime,
    },
    /// One is enough.
    #[error(
        "the standby {kid} is published since {since}: there is one standby at a time. `--activate-at` plans its activation; to have another in its place, revoke it"
    )]
    StandbyExists {
        /// The standby.
        kid: String,
        /// Since when.
        since: UnixTime,
    },
    /// The policy does not keep such keys.
    #[error(
        "the key policy does not keep {0}: add it to `algorithms` in the policy file, and a key is made at the next start"
    )]
    NotKept(String),
    /// Nothing would use the key.
    #[error("nothing uses {0} keys: none is made")]
    Unused(&'static str),
    /// Everything made with it would be lost.
    #[error(
        "{0} keys are never replaced: what was made with the key could not be read or recognised any more"
    )]
    Irreplaceable(&'static str),
}

/// A key put in use in place of another, in one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Takeover {
    /// Revision of the successor before.
    pub expected: u64,
    /// The successor, active.
    pub next: KeyRecord,
    /// The key it replaces, retiring.
    pub demoted: Option<KeyRecord>,
}

/// A key withdrawn, and what takes its place in the same transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawal {
    /// Revision of the key before.
    pub expected: u64,
    /// What it was.
    pub was: KeyState,
    /// The key, revoked.
    pub revoked: KeyRecord,
    /// The standby, active, with its revision before; none when the key was not in use or has no standby.
    pub successor: Option<(u64, KeyRecord)>,
    /// From when something is signed again, when the key in use is withdrawn; not later than now: without a gap.
    pub signs_from: Option<UnixTime>,
}

/// Puts the standby `kid` in use now.
///
/// # Errors
/// [`KeyRefusal`].
pub fn activation(
    keys: &[KeyRecord],
    policy: &KeyPolicy,
    kid: &str,
    now: UnixTime,
) -> Result<Takeover, KeyRefusal> {
    let key = find(keys, kid)?;
    if key.state != KeyState::Staged {
        return Err(KeyRefusal::NotStaged(key.state.as_str()));
    }
    replaceable(key)?;
    let from = known_from(keys, key, policy);
    if now < from {
        return Err(KeyRefusal::TooYoung(from));
    }
    Ok(takeover(keys, key, now))
}

/// Takes the active key `kid` out of use now: its standby takes over.
///
/// # Errors
/// [`KeyRefusal`].
pub fn retirement(
    keys: &[KeyRecord],
    policy: &KeyPolicy,
    kid: &str,
    now: UnixTime,
) -> Result<Takeover, KeyRefusal> {
    let key = find(keys, kid)?;
    if key.state != KeyState::Active {
        return Err(KeyRefusal::NotActive(key.state.as_str()));
    }
    replaceable(key)?;
    let standby = standby_of(keys, key.purpose, &key.algorithm).ok_or(KeyRefusal::NoStandby)?;
    let from = known_from(keys, standby, policy);
    if now < from {
        return Err(KeyRefusal::StandbyTooYoung { kid: standby.kid.clone(), from });
    }
    Ok(takeover(keys, standby, now))
}

/// Withdraws `kid` at once: an emergency is never refused for want of a standby. None when it is revoked already.
///
/// # Errors
/// [`KeyRefusal::Unknown`], [`KeyRefusal::Irreplaceable`].
pub fn withdrawal(
    keys: &[KeyRecord],
    policy: &KeyPolicy,
    kid: &str,
    now: UnixTime,
) -> Result<Option<Withdrawal>, KeyRefusal> {
    let key = find(keys, kid)?;
    replaceable(key)?;
    if key.state == KeyState::Revoked {
        return Ok(None);
    }
    let in_use = key.state == KeyState::Active;
    let standby = standby_of(keys, key.purpose, &key.algorithm).filter(|_| in_use);
    let signs_from = match standby {
        // Made now, and known everywhere after the least lead.
        None => now.plus(policy.least_lead()),
        Some(standby) => known_from(keys, standby, policy).max(now),
    };
    Ok(Some(Withdrawal {
        expected: key.revision,
        was: key.state,
        revoked: key.clone().moved_to(KeyState::Revoked, now),
        successor: standby.map(|key| (key.revision, key.clone().moved_to(KeyState::Active, now))),
        signs_from: (in_use && key.purpose == Purpose::Sign).then_some(signs_from),
    }))
}

/// The standby of a use with its activation planned at `at`; none when there is no standby yet.
///
/// # Errors
/// [`KeyRefusal`]: `at` is too early, or the policy keeps no such keys.
pub fn planned_standby(
    keys: &[KeyRecord],
    policy: &KeyPolicy,
    (purpose, algorithm): (Purpose, &str),
    (at, now): (UnixTime, UnixTime),
) -> Result<Option<KeyRecord>, KeyRefusal> {
    kept(policy, purpose, algorithm)?;
    let standby = standby_of(keys, purpose, algorithm);
    let from = standby.map_or_else(|| now.plus(policy.least_lead()), |key| known_from(keys, key, policy));
    if at < from.max(now) {
        return Err(KeyRefusal::TooEarly(from.max(now)));
    }
    Ok(standby.map(|key| KeyRecord {
        activates_at: Some(at),
        revision: key.revision.saturating_add(1),
        ..key.clone()
    }))
}

/// Whether a standby may be made for a use.
///
/// # Errors
/// [`KeyRefusal`]: there is one, or the policy keeps no such keys.
pub fn staging(
    keys: &[KeyRecord],
    policy: &KeyPolicy,
    purpose: Purpose,
    algorithm: &str,
) -> Result<(), KeyRefusal> {
    kept(policy, purpose, algorithm)?;
    match standby_of(keys, purpose, algorithm) {
        Some(key) => Err(KeyRefusal::StandbyExists { kid: key.kid.clone(), since: key.staged_at }),
        None => Ok(()),
    }
}

fn kept(policy: &KeyPolicy, purpose: Purpose, algorithm: &str) -> Result<(), KeyRefusal> {
    if !purpose.rotates() {
        return Err(KeyRefusal::Irreplaceable(purpose.as_str()));
    }
    if !purpose.is_used() {
        return Err(KeyRefusal::Unused(purpose.as_str()));
    }
    let signs = purpose == Purpose::Sign;
    if signs && !policy.algorithms.iter().any(|name| name == algorithm) {
        return Err(KeyRefusal::NotKept(algorithm.to_owned()));
    }
    Ok(())
}

fn takeover(keys: &[KeyRecord], standby: &KeyRecord, now: UnixTime) -> Takeover {
    let in_use = keys.iter().find(|key| {
        key.purpose == standby.purpose
            && key.algorithm == standby.algorithm
            && key.state == KeyState::Active
            && key.kid != standby.kid
    });
    Takeover {
        expected: standby.revision,
        next: standby.clone().moved_to(KeyState::Active, now),
        demoted: in_use.map(|key| key.clone().moved_to(KeyState::Retiring, now)),
    }
}

fn replaceable(key: &KeyRecord) -> Result<(), KeyRefusal> {
    if key.purpose.rotates() { Ok(()) } else { Err(KeyRefusal::Irreplaceable(key.purpose.as_str())) }
}

/// The standby published longest.
fn standby_of<'a>(keys: &'a [KeyRecord], purpose: Purpose, algorithm: &str) -> Option<&'a KeyRecord> {
    keys.iter()
        .filter(|key| key.purpose == purpose && key.algorithm == algorithm && key.state == KeyState::Staged)
        .min_by_key(|key| (key.staged_at, &key.kid))
}

fn find<'a>(keys: &'a [KeyRecord], kid: &str) -> Result<&'a KeyRecord, KeyRefusal> {
    keys.iter().find(|key| key.kid == kid).ok_or(KeyRefusal::Unknown)
}
