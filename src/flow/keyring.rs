//! Signing keys as this replica knows them: the published set, the key that signs, and the rules by which a stale
//! replica, or one whose key is not known everywhere, does not sign (design decision 16, `security.md` 5.6).

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use serde_json::Value;

use crate::base::UnixTime;
use crate::jose::{Algorithm, Jwk, JwkSet};
use crate::keyring::{Action, KeyPolicy, KeyRecord, KeyState, NoSigner, Purpose, View, published, sweep};
use crate::oauth::{ErrorCode, OAuthError};
use crate::ports::{PortError, PortResult};

use super::key_symmetric::SymmetricKeys;
use super::known_keys::Known;
use super::published::Document;
use super::{FlowError, Provider};

/// Knowledge older than this is read again before signing, or than half of the policy's `poll`.
const FRESH: Duration = Duration::from_secs(10);

/// The keys as this replica last read them.
pub struct Keyring {
    known: RwLock<Known>,
    symmetric: RwLock<Arc<SymmetricKeys>>,
    signatures: AtomicU32,
    /// Something was not signed because its key is in use no more.
    doubted: AtomicBool,
    /// What happened since the start.
    pub alarms: KeyAlarms,
}

/// Events that somebody must look at, counted since the start.
#[derive(Debug, Default)]
pub struct KeyAlarms {
    /// Keys withdrawn by a cut-off.
    pub revoked: AtomicU64,
    /// Signatures that did not verify, and were not sent.
    pub bad_signatures: AtomicU64,
}

impl Keyring {
    /// A keyring of records asked for at `read_at`, of a replica that begins to serve.
    #[must_use]
    pub fn new(records: Vec<KeyRecord>, symmetric: SymmetricKeys, read_at: UnixTime) -> Self {
        let view = View::at_start(records, read_at);
        Self {
            known: RwLock::new(Known::new(view, 0)),
            symmetric: RwLock::new(Arc::new(symmetric)),
            signatures: AtomicU32::new(0),
            doubted: AtomicBool::new(false),
            alarms: KeyAlarms::default(),
        }
    }

    /// A published signing key by identifier, as a JWK.
    #[must_use]
    pub fn published_key(&self, kid: &str) -> Option<Value> {
        let known = self.known();
        let found = published(known.view.records()).into_iter().find(|key| key.kid == kid)?;
        if found.purpose == Purpose::Sign { found.public_jwk.clone() } else { None }
    }

    /// Symmetric keys.
    #[must_use]
    pub fn symmetric(&self) -> Arc<SymmetricKeys> {
        Arc::clone(&self.symmetric.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Algorithms with an active signing key.
    #[must_use]
    pub fn signing_algorithms(&self) -> Vec<String> {
        let known = self.known();
        let active = |key: &&KeyRecord| key.purpose == Purpose::Sign && key.state == KeyState::Active;
        known.view.records().iter().filter(active).map(|key| key.algorithm.clone()).collect()
    }

    pub(super) fn records(&self) -> Vec<KeyRecord> {
        self.known().view.records().to_vec()
    }

    pub(super) fn read(&self, records: Vec<KeyRecord>, read_at: UnixTime, now: UnixTime) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.view.read(records, read_at, now);
        known.renew();
    }

    /// True when it was not known to be revoked.
    pub(super) fn withdraw(&self, kid: &str, at: UnixTime) -> bool {
        if self.known().view.is_withdrawn(kid) {
            return false;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let withdrawn = known.view.withdraw(kid, at);
        if withdrawn {
            known.renew();
        }
        withdrawn
    }

    pub(super) fn replace_symmetric(&self, keys: SymmetricKeys) {
        *self.symmetric.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// `now` is asked for once the view can change no more: a read by another request since would seem to come from a
    /// clock that went back.
    pub(super) fn signer(
        &self,
        algorithm: &str,
        policy: &KeyPolicy,
        now: impl FnOnce() -> UnixTime,
    ) -> Result<String, NoSigner> {
        let known = self.known();
        known.view.signer(algorithm, policy, now()).map(|key| key.kid.clone())
    }

    /// Whether another replica may have put a key in use since the last read: one was due, or ours was refused.
    fn may_have_moved(&self, policy: &KeyPolicy, now: UnixTime) -> bool {
        let is_due = || {
            sweep(self.known().view.records(), policy, now)
                .iter()
                .any(|action| matches!(action, Action::Activate { .. }))
        };
        self.doubted.swap(false, Ordering::Relaxed) || is_due()
    }

    /// The store refused to sign with the key that this replica took for the one in use.
    pub(super) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    fn jwks(&self) -> Arc<Value> {
        Arc::clone(&self.known().jwks)
    }

    /// Changes with every read of the keys and every withdrawal.
    pub(super) fn version(&self) -> u64 {
        self.known().version
    }

    /// The signer found within this second, when nothing has changed since.
    fn found_signer(&self, algorithm: &str, now: UnixTime) -> Option<String> {
        if self.doubted.load(Ordering::Relaxed) { None } else { self.known().found_signer(algorithm, now) }
    }

    fn note_signer(&self, algorithm: &str, kid: &str, version: u64, now: UnixTime) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.note_signer(algorithm, kid, version, now);
    }

    /// Keys whose signature on an `id_token_hint` still counts: in use, retired or gone, never revoked (design
    /// decision 16).
    fn hint_keys(&self) -> JwkSet {
        let known = self.known();
        let trusted = |key: &&KeyRecord| key.purpose == Purpose::Sign && key.state != KeyState::Revoked;
        let public = known.view.records().iter().filter(trusted).filter_map(|key| key.public_jwk.as_ref());
        JwkSet { keys: public.filter_map(|jwk| Jwk::parse(jwk).ok()).collect() }
    }

    /// Whether the next signature is one of the share to verify; the first one is.
    fn is_sampled(&self, one_in: u32) -> bool {
        self.signatures.fetch_add(1, Ordering::Relaxed).checked_rem(one_in).is_none_or(|rest| rest == 0)
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn age(&self, now: UnixTime) -> Duration {
        let read_at = self.known().view.read_at();
        if now < read_at { Duration::MAX } else { now.since(read_at) }
    }
}

impl Provider {
    /// The published JWK Set (RFC 7517 5). A key that a cut-off names is not in it.
    #[must_use]
    pub fn jwks(&self) -> Arc<Value> {
        self.withdraw_revoked();
        self.keyring.jwks()
    }

    /// The published JWK Set, written.
    #[must_use]
    pub fn jwks_document(&self) -> Arc<Document> {
        self.withdraw_revoked();
        Arc::clone(&self.keyring.known().document)
    }

    /// Keys whose signature on an `id_token_hint` still counts.
    pub(super) fn hint_keys(&self) -> JwkSet {
        self.withdraw_revoked();
        self.keyring.hint_keys()
    }

    /// The key that signs with `algorithm` now. A replica whose knowledge is stale refuses rather than sign with a
    /// key that may have been retired, and none signs with a key that a copy of `/jwks` may lack.
    pub(crate) async fn planned_kid(&self, algorithm: &str) -> Result<String, FlowError> {
        self.signer_of(algorithm).await?.map_err(|none| no_signer(&none, algorithm, self.now()))
    }

    /// The same, with the reason for which there is none.
    pub(super) async fn signer_of(&self, algorithm: &str) -> PortResult<Result<String, NoSigner>> {
        if self.cutoffs.is_behind() {
            return Err(PortError::Unavailable(String::from(
                "the database is older than what was seen of it",
            )));
        }
        let (policy, now) = (&self.policy.keys, self.now());
        let withdrawn = self.withdraw_revoked();
        if let Some(kid) = self.keyring.found_signer(algorithm, now) {
            return Ok(Ok(kid));
        }
        let old = self.keyring.age(now) > FRESH.min(policy.poll / 2);
        if withdrawn || old || self.keyring.may_have_moved(policy, now) {
            let read = self.ports.keys.list().await;
            match read {
                Ok(records) => self.keyring.read(records, now, self.now()),
                Err(error) if self.keyring.age(now) > policy.poll => return Err(error),
                Err(_) => {}
            }
        }
        let version = self.keyring.version();
        let signer = self.keyring.signer(algorithm, policy, || self.now());
        if let Ok(kid) = &signer {
            self.keyring.note_signer(algorithm, kid, version, now);
        }
        Ok(signer)
    }

    /// Reads the keys now, whatever is known of them.
    pub(super) async fn reread_keys(&self) -> PortResult<()> {
        let asked = self.now();
        let records = self.ports.keys.list().await?;
        self.keyring.read(records, asked, self.now());
        Ok(())
    }

    /// Reads the cut-offs again when they are no longer fresh (design decision 15), and withdraws the keys they name.
    pub async fn refresh_cutoffs(&self) -> PortResult<()> {
        let now = self.now();
        self.cutoffs.keep_fresh(&*self.ports.revocation, now).await?;
        if self.withdraw_revoked() { self.reread_keys().await } else { Ok(()) }
    }

    /// Whether a key that this replica knew to be good was withdrawn by a cut-off.
    fn withdraw_revoked(&self) -> bool {
        let mut withdrawn = false;
        for (kid, at) in self.cutoffs.revoked_keys() {
            if self.keyring.withdraw(&kid, at) {
                withdrawn = true;
                self.keyring.alarms.revoked.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(alarm = true, key.id = kid, "a key was revoked: what it signed is refused");
            }
        }
        withdrawn
    }

    /// Verifies a signature with the published key before anything leaves with it (`security.md` 5.6): always when a
    /// device made it, otherwise one in so many.
    pub(super) fn check_signature(
        &self,
        kid: &str,
        algorithm: Option<&str>,
        (input, signature): (&str, &[u8]),
    ) -> PortResult<()> {
        if !self.ports.signer.is_remote() && !self.keyring.is_sampled(self.policy.keys.verify_one_in) {
            return Ok(());
        }
        // Withdrawn since it signed.
        let published = self.keyring.published_key(kid).ok_or(PortError::Conflict)?;
        let jwk = Jwk::parse(&published).ok();
        let algorithm = algorithm.and_then(|name| name.parse::<Algorithm>().ok());
        let verified = jwk
            .zip(algorithm)
            .is_some_and(|(jwk, algorithm)| jwk.key.verify(algorithm, input.as_bytes(), signature).is_ok());
        if verified {
            return Ok(());
        }
        self.keyring.alarms.bad_signatures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(alarm = true, key.id = kid, "a signature does not verify with the published key");
        Err(PortError::Corrupt(String::from("a signature does not verify with the published key")))
    }
}

fn no_signer(none: &NoSigner, algorithm: &str, now: UnixTime) -> FlowError {
    let refusal = |public| OAuthError::new(ErrorCode::TemporarilyUnavailable, public);
    let error = match none {
        NoSigner::Stale => refusal("the signing keys cannot be read; try again").with_internal("stale"),
        NoSigner::Missing => refusal("no signing key is ready").with_internal(algorithm),
        NoSigner::Waiting { kid, until, .. } => {
            refusal("the new signing key is not known everywhere yet; try again")
                .with_internal(format!("{kid} signs from {until}"))
                .with_retry_after(until.since(now))
        }
    };
    error.into()
}
