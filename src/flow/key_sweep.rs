//! The scheduled moves of keys, stored: the sweep of `keyring`, applied by whichever replica comes first (design
//! decision 16), and what monitoring sees of it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::audit::{AuditEvent, Decision, EventKind};
use crate::base::{AuditId, Clock, Entropy, UnixTime};
use crate::keyring::{Action, KeyPolicy, KeyRecord, KeyState, NoSigner, Purpose, known_from, signer, sweep};
use crate::ports::{Keys, PortResult};

use super::key_symmetric::SymmetricKeys;
use super::{Keyring, Provider};

impl Provider {
    /// Applies what the policy asks of the keys now. Several replicas may run it: each transition has one winner.
    pub async fn sweep_keys(&self) -> PortResult<()> {
        let now = self.now();
        let keys = &*self.ports.keys;
        let records = apply_sweep(keys, &self.policy.keys, &*self.ports.entropy, now).await?;
        let symmetric = self.keyring.symmetric().reread(keys, &records).await;
        self.keyring.read(records, now, self.now());
        self.warn_of_waiting();
        if let Some(changed) = symmetric? {
            self.keyring.replace_symmetric(changed);
        }
        Ok(())
    }

    /// How many keys are in each state, how old the latest of each is, and how long something waits to sign.
    #[must_use]
    pub fn key_figures(&self) -> KeyFigures {
        let (records, now) = (self.keyring.records(), self.now());
        let uses: BTreeSet<_> = records.iter().map(|key| (key.purpose, &key.algorithm)).collect();
        let states = uses.iter().flat_map(|(purpose, algorithm)| {
            KeyState::ALL.map(|state| {
                let own = records.iter().filter(|key| {
                    key.purpose == *purpose && key.algorithm == **algorithm && key.state == state
                });
                let youngest = own.clone().map(|key| now.since(key.staged_at)).min();
                StateFigure {
                    purpose: *purpose,
                    algorithm: (*algorithm).clone(),
                    state,
                    count: u32::try_from(own.count()).unwrap_or(u32::MAX),
                    youngest,
                }
            })
        });
        let policy = &self.policy.keys;
        let wait = |algorithm: &String| match self.keyring.signer(algorithm, policy, || now) {
            Err(NoSigner::Waiting { until, .. }) => until.since(now),
            Ok(_) | Err(NoSigner::Stale | NoSigner::Missing) => Duration::ZERO,
        };
        KeyFigures {
            states: states.collect(),
            waits: policy.algorithms.iter().map(|name| (name.clone(), wait(name))).collect(),
        }
    }

    fn warn_of_waiting(&self) {
        for (algorithm, wait) in self.key_figures().waits {
            if !wait.is_zero() {
                let seconds = wait.as_secs();
                tracing::warn!(
                    alarm = true,
                    algorithm,
                    seconds,
                    "nothing is signed: the key in use is not known everywhere yet"
                );
            }
        }
    }
}

/// The keys in figures, for monitoring.
#[derive(Clone, Debug)]
pub struct KeyFigures {
    /// By use and state.
    pub states: Vec<StateFigure>,
    /// By signing algorithm: until the key in use signs; zero when it does.
    pub waits: Vec<(String, Duration)>,
}

/// The keys of one use in one state.
#[derive(Clone, Debug)]
pub struct StateFigure {
    /// Use.
    pub purpose: Purpose,
    /// Algorithm.
    pub algorithm: String,
    /// State.
    pub state: KeyState,
    /// How many.
    pub count: u32,
    /// Since when the latest of them exists.
    pub youngest: Option<Duration>,
}

/// Makes the keys a new store needs and reads them: the first start makes an active and a standby signing key.
pub async fn bootstrap_keys(
    keys: &dyn Keys,
    policy: &KeyPolicy,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> PortResult<Keyring> {
    let now = clock.now();
    stage_first_keys(keys, entropy, now).await?;
    let records = apply_sweep(keys, policy, entropy, now).await?;
    let symmetric = SymmetricKeys::read(keys, &records).await?;
    Ok(Keyring::new(records, symmetric, now))
}

async fn apply_sweep(
    keys: &dyn Keys,
    policy: &KeyPolicy,
    entropy: &dyn Entropy,
    now: UnixTime,
) -> PortResult<Vec<KeyRecord>> {
    // A first start stages, activates and stages the standby: three rounds; one more finds nothing to do.
    for _ in 0..8 {
        let records = keys.list().await?;
        let actions = sweep(&records, policy, now);
        if actions.is_empty() {
            return Ok(records);
        }
        for action in actions {
            apply(keys, &records, policy, action, (entropy, now)).await?;
        }
    }
    keys.list().await
}

async fn apply(
    keys: &dyn Keys,
    records: &[KeyRecord],
    policy: &KeyPolicy,
    action: Action,
    (entropy, now): (&dyn Entropy, UnixTime),
) -> PortResult<()> {
    let event =
        |kind, reason| AuditEvent::new(AuditId::ordered(entropy, now), now, kind, Decision::Success, reason);
    let by_kid: HashMap<&str, &KeyRecord> = records.iter().map(|key| (key.kid.as_str(), key)).collect();
    match action {
        Action::Stage { purpose, algorithm } => {
            let record = KeyRecord::staged(String::new(), purpose, algorithm, now);
            keys.stage(&record, &event(EventKind::KeyStaged, "policy")).await?;
        }
        Action::Activate { kid } => {
            let Some(key) = by_kid.get(kid.as_str()).copied() else { return Ok(()) };
            let demoted = signer(records, key.purpose, &key.algorithm)
                .map(|other| other.clone().moved_to(KeyState::Retiring, now));
            let reason = if key.activates_at.is_some() { "planned" } else { "policy" };
            let event = event(EventKind::KeyActivated, reason).with_transaction(kid.clone());
            let next = key.clone().moved_to(KeyState::Active, now);
            let done = keys.advance(key.revision, &next, demoted.as_ref(), &event).await?;
            if done && key.purpose == Purpose::Sign && now < known_from(records, key, policy) {
                tracing::warn!(
                    alarm = true,
                    key.id = kid,
                    "a signing key is in use before it is known everywhere"
                );
            }
        }
        Action::Retire { kid } => {
            let Some(key) = by_kid.get(kid.as_str()).copied() else { return Ok(()) };
            let event = event(EventKind::KeyRetired, "policy").with_transaction(kid.clone());
            keys.advance(key.revision, &key.clone().moved_to(KeyState::Retiring, now), None, &event).await?;
        }
        Action::Forget { kid } => {
            let Some(key) = by_kid.get(kid.as_str()).copied() else { return Ok(()) };
            let event = event(EventKind::KeyRetired, "gone").with_transaction(kid.clone());
            keys.advance(key.revision, &key.clone().moved_to(KeyState::Gone, now), None, &event).await?;
        }
    }
    Ok(())
}

/// The first key of each use that the policy keeps up only once it exists.
async fn stage_first_keys(keys: &dyn Keys, entropy: &dyn Entropy, now: UnixTime) -> PortResult<()> {
    let records = keys.list().await?;
    for (purpose, algorithm) in FIRST_KEYS {
        if records.iter().all(|key| key.purpose != purpose) {
            let event = AuditEvent::new(
                AuditId::ordered(entropy, now),
                now,
                EventKind::KeyStaged,
                Decision::Success,
                "first_start",
            );
            let record = KeyRecord::staged(String::new(), purpose, algorithm.to_owned(), now);
            keys.stage(&record, &event).await?;
        }
    }
    Ok(())
}

/// Uses other than signing, with their algorithms.
const FIRST_KEYS: [(Purpose, &str); 4] = [
    (Purpose::Seal, "A256GCM"),
    (Purpose::Nonce, "HS256"),
    (Purpose::Pairwise, "HS256"),
    (Purpose::Audit, "EdDSA"),
];
