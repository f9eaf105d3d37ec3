//! The signer over sealed private keys: unsealed and parsed once, checked at each signature.
//!
//! A key signs while the database says that it is active, and no other key takes its place (design decision 16).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::SqlKeys;
use super::key_material::signature_algorithm;
use super::row::{corrupt, counter, word};
use super::statements::KEY_STATE;
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
}

impl SealedSigner {
    /// A signer over `keys`.
    #[must_use]
    pub fn new(keys: SqlKeys) -> Self {
        Self { keys, parsed: Mutex::default() }
    }

    /// The parsed key, if it is the one of `revision`; what is older is forgotten.
    fn cached(&self, kid: &str, revision: u64) -> Option<Arc<PrivateKey>> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        let found =
            parsed.get(kid).filter(|entry| entry.revision == revision).map(|entry| Arc::clone(&entry.key));
        if found.is_none() {
            parsed.remove(kid);
        }
        found
    }

    fn forget(&self, kid: &str) {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).remove(kid);
    }

    async fn load(&self, kid: &str) -> PortResult<Arc<PrivateKey>> {
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
        let entry = Parsed { revision: sealed.revision, key: Arc::new(key) };
        let key = Arc::clone(&entry.key);
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).insert(kid.to_owned(), entry);
        Ok(key)
    }
}

#[async_trait]
impl Signer for SealedSigner {
    /// [`PortError::Conflict`] when the key is no longer, or not yet, the active one.
    async fn sign(&self, kid: &str, input: &[u8]) -> PortResult<Vec<u8>> {
        let row: Option<(String, i64)> =
            on!(self.keys.db().reader(), |c| sqlx::query_as(KEY_STATE).bind(kid).fetch_optional(c))?;
        let (state, revision) = row.ok_or_else(|| corrupt("the key is unknown"))?;
        if word::<KeyState>(&state, "a key's state is unknown")? != KeyState::Active {
            self.forget(kid);
            return Err(PortError::Conflict);
        }
        let key = match self.cached(kid, counter(revision)?) {
            Some(key) => key,
            None => self.load(kid).await?,
        };
        key.sign(input).map_err(|error| PortError::Unavailable(error.to_string()))
    }
}

impl fmt::Debug for SealedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSigner").finish_non_exhaustive()
    }
}
