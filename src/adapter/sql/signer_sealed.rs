//! The signer over sealed private keys: unsealed and parsed once, its state read again every second.
//!
//! A key signs while the database says that it is active, and no other key takes its place (design decision 16). What
//! another replica changed counts here a second later, within the five of a revocation (decision 15); what this one
//! changed, at once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::SqlKeys;
use super::key_material::signature_algorithm;
use super::row::{corrupt, counter, word};
use super::statements::KEY_STATE;
use crate::base::UnixTime;
use crate::jose::PrivateKey;
use crate::keyring::{KeyState, Purpose};
use crate::ports::{PortError, PortResult, Signer};

/// Signs with the keys of a [`SqlKeys`].
pub struct SealedSigner {
    keys: SqlKeys,
    parsed: Mutex<HashMap<String, Parsed>>,
}

#[derive(Clone)]
struct Parsed {
    revision: u64,
    key: Arc<PrivateKey>,
    /// When the database was asked that last said it is active, and how much had been changed here by then.
    seen: (UnixTime, u64),
}

/// How long a key may sign on what was read.
const FRESH: Duration = Duration::from_secs(1);

impl SealedSigner {
    /// A signer over `keys`.
    #[must_use]
    pub fn new(keys: SqlKeys) -> Self {
        Self { keys, parsed: Mutex::default() }
    }

    /// The key, if it was active a moment ago.
    fn fresh(&self, kid: &str, (now, changes): (UnixTime, u64)) -> Option<Arc<PrivateKey>> {
        let parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = parsed.get(kid)?;
        let (read_at, known) = entry.seen;
        // A clock that went back makes the age unknown.
        let fresh = known == changes && now >= read_at && now.since(read_at) <= FRESH;
        fresh.then(|| Arc::clone(&entry.key))
    }

    /// The parsed key, if it is the one of `revision`, which was active at `seen`; what is older is forgotten.
    fn cached(&self, kid: &str, revision: u64, seen: (UnixTime, u64)) -> Option<Arc<PrivateKey>> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        match parsed.get_mut(kid) {
            Some(entry) if entry.revision == revision => {
                entry.seen = seen;
                Some(Arc::clone(&entry.key))
            }
            _ => {
                parsed.remove(kid);
                None
            }
        }
    }

    fn forget(&self, kid: &str) {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).remove(kid);
    }

    async fn load(&self, kid: &str, seen: (UnixTime, u64)) -> PortResult<Arc<PrivateKey>> {
        let sealed = self.keys.private(kid).await?.ok_or(PortError::Conflict)?;
        if sealed.state != KeyState::Active {
            return Err(PortError::Conflict);
        }
        if !matches!(sealed.purpose, Purpose::Sign | Purpose::Audit) {
            return Err(corrupt("the key is not a signing key"));
        }
        let private = sealed.private.ok_or_else(|| corrupt("an active key has no private part"))?;
        let algorithm = signature_algorithm(&sealed.algorithm)?;
        let key =
            PrivateKey::from_pkcs8(algorithm, &private).map_err(|_| corrupt("a private key is malformed"))?;
        let entry = Parsed { revision: sealed.revision, key: Arc::new(key), seen };
        let key = Arc::clone(&entry.key);
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).insert(kid.to_owned(), entry);
        Ok(key)
    }
}

#[async_trait]
impl Signer for SealedSigner {
    /// [`PortError::Conflict`] when the key is no longer, or not yet, the active one.
    async fn sign(&self, kid: &str, input: &[u8]) -> PortResult<Vec<u8>> {
        let seen = (self.keys.store.clock.now(), self.keys.changes());
        if let Some(key) = self.fresh(kid, seen) {
            return key.sign(input).map_err(|error| PortError::Unavailable(error.to_string()));
        }
        let row: Option<(String, i64)> =
            on!(self.keys.db().reader(), |c| sqlx::query_as(KEY_STATE).bind(kid).fetch_optional(c))?;
        let (state, revision) = row.ok_or_else(|| corrupt("the key is unknown"))?;
        if word::<KeyState>(&state, "a key's state is unknown")? != KeyState::Active {
            self.forget(kid);
            return Err(PortError::Conflict);
        }
        let key = match self.cached(kid, counter(revision)?, seen) {
            Some(key) => key,
            None => self.load(kid, seen).await?,
        };
        key.sign(input).map_err(|error| PortError::Unavailable(error.to_string()))
    }
}

impl fmt::Debug for SealedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSigner").finish_non_exhaustive()
    }
}
