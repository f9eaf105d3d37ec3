//! What the sweeps to come will do, found by running them ahead of time.
//!
//! The rules are those of [`sweep`] and nothing else: what is foretold is what happens, as long as nobody intervenes.

use super::{Action, KeyPolicy, KeyRecord, KeyState, Purpose, sweep};
use crate::base::UnixTime;

/// One move to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, at the earliest: the sweep comes within ten seconds.
    pub at: UnixTime,
    /// The key; `next-1`, `next-2` for those that do not exist yet.
    pub kid: String,
    /// Its use.
    pub purpose: Purpose,
    /// Its algorithm.
    pub algorithm: String,
    /// Where it goes.
    pub to: KeyState,
}

/// The moves between `now` and `until`, in order. At most 200 of them.
#[must_use]
pub fn timeline(keys: &[KeyRecord], policy: &KeyPolicy, now: UnixTime, until: UnixTime) -> Vec<Step> {
    let mut keys = keys.to_vec();
    let (mut at, mut steps, mut made) = (now, Vec::new(), 0_u32);
    while steps.len() < MOST {
        let actions = sweep(&keys, policy, at);
        if actions.is_empty() {
            match next_change(&keys, policy, at) {
                Some(next) if next <= until => at = next,
                _ => break,
            }
            continue;
        }
        for action in actions {
            steps.extend(foresee(&mut keys, action, at, &mut made));
        }
    }
    steps
}

const MOST: usize = 200;

/// The first time after `at` at which a rule may say something else.
fn next_change(keys: &[KeyRecord], policy: &KeyPolicy, at: UnixTime) -> Option<UnixTime> {
    let moments = |key: &KeyRecord| match key.state {
        KeyState::Staged => [
            Some(key.staged_at.plus(policy.lead)),
            Some(key.staged_at.plus(policy.least_lead())),
            key.activates_at,
        ],
        KeyState::Active => {
            [Some(key.activated_at.unwrap_or(key.staged_at).plus(policy.rotation)), None, None]
        }
        KeyState::Retiring => [key.retired_at.map(|retired| retired.plus(policy.retirement)), None, None],
        KeyState::Gone | KeyState::Revoked => [None; 3],
    };
    keys.iter().flat_map(moments).flatten().filter(|moment| *moment > at).min()
}

fn foresee(keys: &mut Vec<KeyRecord>, action: Action, at: UnixTime, made: &mut u32) -> Option<Step> {
    let (kid, to) = match action {
        Action::Stage { purpose, algorithm } => {
            *made = made.saturating_add(1);
            let key = KeyRecord::staged(format!("next-{made}"), purpose, algorithm, at);
            keys.push(key.clone());
            return Some(step(&key, at));
        }
        Action::Activate { kid } => (kid, KeyState::Active),
        Action::Retire { kid } => (kid, KeyState::Retiring),
        Action::Forget { kid } => (kid, KeyState::Gone),
    };
    let key = keys.iter_mut().find(|key| key.kid == kid)?;
    *key = key.clone().moved_to(to, at);
    Some(step(key, at))
}

fn step(key: &KeyRecord, at: UnixTime) -> Step {
    Step { at, kid: key.kid.clone(), purpose: key.purpose, algorithm: key.algorithm.clone(), to: key.state }
}
