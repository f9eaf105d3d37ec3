//! Whether the records of a store are as their rules say.
//!
//! Private parts are not looked at here: they are opened where they are kept.

use super::{KeyPolicy, KeyRecord, KeyState, Purpose, standby_ready};
use crate::base::UnixTime;
use crate::jose::{Jwk, JwkError};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// To be known: it passes by itself.
    Notice,
    /// To be repaired.
    Fault,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The key, when it is about one.
    pub kid: Option<String>,
    /// What it is, in words.
    pub sentence: String,
}

impl Finding {
    /// A fault of one key.
    #[must_use]
    pub fn fault(kid: &str, sentence: impl Into<String>) -> Self {
        Self { severity: Severity::Fault, kid: Some(kid.to_owned()), sentence: sentence.into() }
    }

    const fn general(severity: Severity, sentence: String) -> Self {
        Self { severity, kid: None, sentence }
    }
}

/// What is wrong with `keys` under `policy` at `now`.
#[must_use]
pub fn findings(keys: &[KeyRecord], policy: &KeyPolicy, now: UnixTime) -> Vec<Finding> {
    let mut found: Vec<Finding> = keys.iter().flat_map(|key| of_one(key, policy, now)).collect();
    for algorithm in &policy.algorithms {
        found.extend(of_use(keys, policy, (Purpose::Sign, algorithm), now));
    }
    for purpose in [Purpose::Nonce, Purpose::Audit] {
        let named = keys.iter().find(|key| key.purpose == purpose).map(|key| key.algorithm.as_str());
        match named {
            Some(algorithm) => found.extend(of_use(keys, policy, (purpose, algorithm), now)),
            None => {
                found
                    .push(Finding::general(Severity::Fault, format!("there is no {} key", purpose.as_str())));
            }
        }
    }
    for purpose in [Purpose::Pairwise, Purpose::Seal] {
        if !keys.iter().any(|key| key.purpose == purpose && key.state == KeyState::Active) {
            let sentence = format!("no {} key is active: the store cannot be used", purpose.as_str());
            found.push(Finding::general(Severity::Fault, sentence));
        }
    }
    found
}

fn of_use(
    keys: &[KeyRecord],
    policy: &KeyPolicy,
    (purpose, algorithm): (Purpose, &str),
    now: UnixTime,
) -> Vec<Finding> {
    let count = |state| {
        keys.iter()
            .filter(|key| key.purpose == purpose && key.algorithm == algorithm && key.state == state)
            .count()
    };
    let name = format!("{} {algorithm}", purpose.as_str());
    let mut found = Vec::new();
    match count(KeyState::Active) {
        1 => {}
        0 => found.push(Finding::general(Severity::Fault, format!("{name}: no key is active"))),
        more => {
            found.push(Finding::general(Severity::Fault, format!("{name}: {more} keys are active, not one")));
        }
    }
    if count(KeyState::Staged) == 0 {
        let sentence = format!("{name}: no standby: a revocation would leave nothing to take over");
        found.push(Finding::general(Severity::Fault, sentence));
    } else if purpose == Purpose::Sign && !standby_ready(keys, policy, (purpose, algorithm), now) {
        let sentence = format!(
            "{name}: the standby is young: were the active key revoked now, nothing would be signed for a while"
        );
        found.push(Finding::general(Severity::Notice, sentence));
    }
    found
}

fn of_one(key: &KeyRecord, policy: &KeyPolicy, now: UnixTime) -> Vec<Finding> {
    let fault = |sentence: String| Finding::fault(&key.kid, sentence);
    let mut found: Vec<Finding> = times(key).into_iter().map(&fault).collect();
    found.extend(public_part(key).map(&fault));
    let overdue = key.activated_at.map(|at| at.plus(policy.rotation).plus(policy.lead));
    if key.state == KeyState::Active
        && key.purpose.rotates()
        && let Some(overdue) = overdue.filter(|overdue| now > *overdue)
    {
        found.push(fault(format!("it should have been replaced by {overdue}: does `sceau serve` run?")));
    }
    found
}

/// Each state has its time, and they follow one another.
fn times(key: &KeyRecord) -> Vec<String> {
    let mut found = Vec::new();
    let reached = match key.state {
        KeyState::Staged => Some(key.staged_at),
        KeyState::Active => key.activated_at,
        KeyState::Retiring => key.retired_at,
        KeyState::Gone => key.gone_at,
        KeyState::Revoked => key.revoked_at,
    };
    if reached.is_none() {
        found.push(format!("it is {}, and the record does not say since when", key.state.as_str()));
    }
    let life = [Some(key.staged_at), key.activated_at, key.retired_at, key.gone_at];
    let life: Vec<UnixTime> = life.into_iter().flatten().collect();
    if !life.is_sorted() {
        found.push(String::from("its times are not in the order of a key's life"));
    }
    found
}

/// RFC 7638: a signing key is named by the thumbprint of its public part.
fn public_part(key: &KeyRecord) -> Option<String> {
    let asymmetric = matches!(key.purpose, Purpose::Sign | Purpose::Audit | Purpose::Decrypt);
    let Some(public) = &key.public_jwk else {
        return asymmetric.then(|| String::from("its public part is missing"));
    };
    if !asymmetric {
        return Some(String::from("it has a public part, and should have none"));
    }
    if public.get("kid").and_then(serde_json::Value::as_str) != Some(&key.kid) {
        return Some(String::from("its public part has another kid"));
    }
    if key.purpose == Purpose::Decrypt {
        return None;
    }
    let thumbprint = |jwk: Result<Jwk, JwkError>| jwk.ok().map(|jwk| jwk.key.thumbprint().to_string());
    match thumbprint(Jwk::parse(public)) {
        None => Some(String::from("its public part cannot be read")),
        Some(name) if name != key.kid => {
            Some(format!("its kid should be {name}, the thumbprint of its public part"))
        }
        Some(_) => None,
    }
}
