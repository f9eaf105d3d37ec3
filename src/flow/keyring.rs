//! Signing keys in use: the sweep applied, the published set, and the rule that a stale replica does not sign
//! (design decision 16, `security.md` 5.6).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::{Value, json};

use crate::audit::{AuditEvent, Decision, EventKind};
use crate::base::{AuditId, Clock, Entropy, UnixTime};
use crate::jose::{Jwk, JwkSet};
use crate::keyring::{Action, Custody, KeyPolicy, KeyRecord, KeyState, Purpose, published, signer, sweep};
use crate::oauth::{ErrorCode, OAuthError};
use crate::ports::{Keys, PortError, PortResult};

use super::{FlowError, Provider};

/// Knowledge older than this is read again before signing.
const FRESH: Duration = Duration::from_secs(10);
/// Knowledge older than this signs nothing.
const USABLE: Duration = Duration::from_secs(30);

/// Symmetric keys in use, 32 bytes each.
#[derive(Clone)]
pub struct SymmetricKeys {
    /// Derives pairwise subjects; never rotates (design decision 20).
    pub pairwise: [u8; 32],
    /// Authenticates DPoP nonces.
    pub nonce: [u8; 32],
}

struct Snapshot {
    records: Vec<KeyRecord>,
    jwks: Arc<Value>,
    read_at: UnixTime,
}

/// The keys as this replica last read them.
pub struct Keyring {
    snapshot: RwLock<Snapshot>,
    /// Symmetric keys.
    pub symmetric: SymmetricKeys,
}

impl Keyring {
    /// A keyring of records read at `read_at`.
    #[must_use]
    pub fn new(records: Vec<KeyRecord>, symmetric: SymmetricKeys, read_at: UnixTime) -> Self {
        let jwks = Arc::new(jwk_set(&records));
        Self { snapshot: RwLock::new(Snapshot { records, jwks, read_at }), symmetric }
    }

    /// The published JWK Set (RFC 7517 5).
    #[must_use]
    pub fn jwks(&self) -> Arc<Value> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).jwks.clone()
    }

    /// A published signing key by identifier, as a JWK.
    #[must_use]
    pub fn published_key(&self, kid: &str) -> Option<Value> {
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        let found = published(&snapshot.records).into_iter().find(|key| key.kid == kid)?;
        if found.purpose == Purpose::Sign { found.public_jwk.clone() } else { None }
    }

    /// Keys whose signature on an `id_token_hint` still counts: in use, retired or gone, never revoked (design
    /// decision 16).
    pub(super) fn hint_keys(&self) -> JwkSet {
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        let trusted = |key: &&KeyRecord| key.purpose == Purpose::Sign && key.state != KeyState::Revoked;
        let public = snapshot.records.iter().filter(trusted).filter_map(|key| key.public_jwk.as_ref());
        JwkSet { keys: public.filter_map(|jwk| Jwk::parse(jwk).ok()).collect() }
    }

    /// Algorithms with an active signing key.
    #[must_use]
    pub fn signing_algorithms(&self) -> Vec<String> {
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        let active = |key: &&KeyRecord| key.purpose == Purpose::Sign && key.state == KeyState::Active;
        snapshot.records.iter().filter(active).map(|key| key.algorithm.clone()).collect()
    }

    fn replace(&self, records: Vec<KeyRecord>, read_at: UnixTime) {
        let jwks = Arc::new(jwk_set(&records));
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Snapshot { records, jwks, read_at };
    }

    fn signer(&self, algorithm: &str) -> Option<String> {
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        signer(&snapshot.records, Purpose::Sign, algorithm).map(|key| key.kid.clone())
    }

    fn age(&self, now: UnixTime) -> Duration {
        let read_at = self.snapshot.read().unwrap_or_else(PoisonError::into_inner).read_at;
        if now < read_at { Duration::MAX } else { now.since(read_at) }
    }
}

impl Provider {
    /// The key that signs with `algorithm` now. A replica whose knowledge is stale refuses rather than sign with a
    /// key that may have been retired.
    pub(crate) async fn planned_kid(&self, algorithm: &str, now: UnixTime) -> Result<String, FlowError> {
        let age = self.keyring.age(now);
        if age > FRESH {
            let read = self.ports.keys.list().await;
            match read {
                Ok(records) => self.keyring.replace(records, now),
                Err(error) if age > USABLE => return Err(error.into()),
                Err(_) => {}
            }
        }
        let missing = || OAuthError::new(ErrorCode::TemporarilyUnavailable, "no signing key is ready");
        self.keyring.signer(algorithm).ok_or_else(|| missing().with_internal(algorithm).into())
    }

    /// Reads the cut-offs again when they are no longer fresh (design decision 15).
    pub async fn refresh_cutoffs(&self) -> PortResult<()> {
        self.cutoffs.keep_fresh(&*self.ports.revocation, self.now()).await
    }

    /// Applies what the policy asks of the keys now. Several replicas may run it: each transition has one winner.
    pub async fn sweep_keys(&self) -> PortResult<()> {
        let now = self.now();
        let keys = &*self.ports.keys;
        let records = apply_sweep(keys, &self.policy.keys, &*self.ports.entropy, now).await?;
        self.keyring.replace(records, now);
        Ok(())
    }
}

/// Makes the keys a new store needs and reads them: the first start makes an active and a standby signing key.
pub async fn bootstrap_keys(
    keys: &dyn Keys,
    policy: &KeyPolicy,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> PortResult<Keyring> {
    let now = clock.now();
    stage_first_keys(keys, policy, entropy, now).await?;
    let records = apply_sweep(keys, policy, entropy, now).await?;
    let symmetric = SymmetricKeys {
        pairwise: symmetric(keys, &records, Purpose::Pairwise).await?,
        nonce: symmetric(keys, &records, Purpose::Nonce).await?,
    };
    Ok(Keyring::new(records, symmetric, now))
}

/// The active symmetric key of a purpose.
async fn symmetric(keys: &dyn Keys, records: &[KeyRecord], purpose: Purpose) -> PortResult<[u8; 32]> {
    let missing = || PortError::Corrupt(format!("no active {purpose:?} key"));
    let active = records.iter().find(|key| key.purpose == purpose && key.state == KeyState::Active);
    let kid = &active.ok_or_else(missing)?.kid;
    keys.symmetric(kid, purpose).await?.ok_or_else(missing)
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
            apply(keys, &records, policy, action, entropy, now).await?;
        }
    }
    keys.list().await
}

async fn apply(
    keys: &dyn Keys,
    records: &[KeyRecord],
    policy: &KeyPolicy,
    action: Action,
    entropy: &dyn Entropy,
    now: UnixTime,
) -> PortResult<()> {
    let event =
        |kind, reason| AuditEvent::new(AuditId::ordered(entropy, now), now, kind, Decision::Success, reason);
    let by_kid: HashMap<&str, &KeyRecord> = records.iter().map(|key| (key.kid.as_str(), key)).collect();
    match action {
        Action::Stage { purpose, algorithm } => {
            let record = new_record(purpose, algorithm, now, policy);
            keys.stage(&record, &event(EventKind::KeyStaged, "policy")).await?;
        }
        Action::Activate { kid } => {
            let Some(key) = by_kid.get(kid.as_str()).copied() else { return Ok(()) };
            let demoted = records
                .iter()
                .find(|other| {
                    other.purpose == key.purpose
                        && other.algorithm == key.algorithm
                        && other.state == KeyState::Active
                })
                .map(|other| other.clone().moved_to(KeyState::Retiring, now));
            let event = event(EventKind::KeyActivated, "policy").with_transaction(kid.clone());
            keys.advance(
                key.revision,
                &key.clone().moved_to(KeyState::Active, now),
                demoted.as_ref(),
                &event,
            )
            .await?;
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
async fn stage_first_keys(
    keys: &dyn Keys,
    policy: &KeyPolicy,
    entropy: &dyn Entropy,
    now: UnixTime,
) -> PortResult<()> {
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
            keys.stage(&new_record(purpose, algorithm.to_owned(), now, policy), &event).await?;
        }
    }
    Ok(())
}

/// Uses other than signing, with their algorithms.
const FIRST_KEYS: [(Purpose, &str); 5] = [
    (Purpose::Seal, "A256GCM"),
    (Purpose::Cookie, "HS256"),
    (Purpose::Nonce, "HS256"),
    (Purpose::Pairwise, "HS256"),
    (Purpose::Audit, "EdDSA"),
];

fn new_record(purpose: Purpose, algorithm: String, now: UnixTime, policy: &KeyPolicy) -> KeyRecord {
    KeyRecord {
        kid: String::new(),
        purpose,
        algorithm,
        state: KeyState::Staged,
        public_jwk: None,
        staged_at: now,
        activates_at: Some(now.plus(policy.lead)),
        activated_at: None,
        retired_at: None,
        gone_at: None,
        revoked_at: None,
        custody: Custody::Sealed,
        revision: 0,
        sealed_private: None,
    }
}

fn jwk_set(records: &[KeyRecord]) -> Value {
    let keys: Vec<Value> = published(records).into_iter().filter_map(|key| key.public_jwk.clone()).collect();
    json!({ "keys": keys })
}
