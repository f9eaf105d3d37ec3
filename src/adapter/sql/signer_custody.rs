//! The signer that leaves each key with who keeps it: the database, or a hardware token. Neither ever signs in the
//! place of the other (design decision 16).
//!
//! What a token signed is verified before it is given out (`security.md` 5.6): a token that errs is found by us, not
//! by the relying parties.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::key_material::signature_algorithm;
use super::keys::CUSTODY;
use super::row::{corrupt, word};
use super::statements::KEY_CUSTODY;
use super::{SealedSigner, SqlKeys};
use crate::jose::{Algorithm, Jwk, PublicKey};
use crate::keyring::{Custody, KeyRecord, KeyState, Purpose};
use crate::ports::{Keys as _, PortError, PortResult, PrivatePart, Signer};

/// Signs with the keys of a [`SqlKeys`], wherever they are.
pub struct CustodySigner {
    keys: SqlKeys,
    sealed: SealedSigner,
    /// By name: custody never changes.
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone)]
enum Known {
    Sealed,
    Token(Algorithm, Arc<PublicKey>),
}

/// State, custody, purpose, algorithm, public key.
type Stored = (String, String, String, String, Option<String>);

impl CustodySigner {
    /// A signer over `keys`.
    #[must_use]
    pub fn new(keys: SqlKeys) -> Self {
        Self { sealed: SealedSigner::new(keys.clone()), keys, known: Mutex::default() }
    }

    async fn sign_on_token(
        &self,
        kid: &str,
        (algorithm, public): (Algorithm, &PublicKey),
        input: &[u8],
    ) -> PortResult<Vec<u8>> {
        let token = self.keys.token.as_ref().ok_or_else(no_token)?;
        let signature = match token.sign(kid, algorithm, input).await {
            Ok(signature) => signature,
            // Replaced, and destroyed on the token, since its state was read: that is what a caller is to know.
            Err(error) => return Err(self.active(kid).await.err().unwrap_or(error)),
        };
        public.verify(algorithm, input, &signature).map_err(|_| {
            tracing::error!(kid, alarm = true, "the token gave a signature that its public key refuses");
            PortError::Unavailable(String::from("the token gave a wrong signature"))
        })?;
        Ok(signature)
    }

    /// Where the key is, if it is active now.
    async fn active(&self, kid: &str) -> PortResult<Known> {
        let row: Option<Stored> =
            on!(self.keys.db().reader(), |c| sqlx::query_as(KEY_CUSTODY).bind(kid).fetch_optional(c))?;
        let (state, custody, purpose, algorithm, public) =
            row.ok_or_else(|| corrupt("the key is unknown"))?;
        if word::<KeyState>(&state, "a key's state is unknown")? != KeyState::Active {
            return Err(PortError::Conflict);
        }
        if word::<Custody>(&custody, CUSTODY)? == Custody::Sealed {
            return Ok(Known::Sealed);
        }
        if word::<Purpose>(&purpose, "a key's purpose is unknown")? != Purpose::Sign {
            return Err(corrupt("the key is not a signing key"));
        }
        let parsed =
            public.and_then(|text| serde_json::from_str(&text).ok()).and_then(|json| Jwk::parse(&json).ok());
        let public = parsed.ok_or_else(|| corrupt("a key of the token has no public part"))?.key;
        Ok(Known::Token(signature_algorithm(&algorithm)?, Arc::new(public)))
    }

    fn is_sealed(&self, kid: &str) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(known.get(kid), Some(Known::Sealed))
    }
}

#[async_trait]
impl Signer for CustodySigner {
    /// [`PortError::Conflict`] when the key is no longer, or not yet, the active one.
    async fn sign(&self, kid: &str, input: &[u8]) -> PortResult<Vec<u8>> {
        // The sealed signer reads the state itself: one reading a signature.
        if self.is_sealed(kid) {
            return self.sealed.sign(kid, input).await;
        }
        let active = self.active(kid).await?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(kid.to_owned(), active.clone());
        match active {
            Known::Sealed => self.sealed.sign(kid, input).await,
            Known::Token(algorithm, public) => self.sign_on_token(kid, (algorithm, &public), input).await,
        }
    }
}

impl SqlKeys {
    /// Whether new signing keys are made on a token.
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Destroys on the token what a transition should have destroyed, and says whether the token answers. Keys that
    /// the records do not know are left alone: they may be of another deployment.
    pub async fn tidy_token(&self) -> PortResult<()> {
        let Some(token) = &self.token else { return Ok(()) };
        let held = token.held().await?;
        for key in self.list().await? {
            let spent = key.custody == Custody::Token && !key.purpose.needs_private(key.state);
            if spent && held.contains(&key.kid) {
                token.destroy(&key.kid).await?;
                tracing::info!(kid = key.kid, "a key that had left was destroyed on the token");
            }
        }
        Ok(())
    }

    /// Whether the token holds the key.
    pub(super) async fn inspect_token(&self, kid: &str) -> PortResult<PrivatePart> {
        let token = self.token.as_ref().ok_or_else(no_token)?;
        let held = token.held().await?.iter().any(|name| name == kid);
        Ok(if held { PrivatePart::Whole } else { PrivatePart::Absent })
    }

    /// Destroys on the token what `key` needs no more.
    pub(super) async fn discard_spent(&self, key: &KeyRecord) {
        if key.custody == Custody::Token && !key.purpose.needs_private(key.state) {
            self.discard(&key.kid).await;
        }
    }

    /// Destroys a key on the token now, or leaves it to [`SqlKeys::tidy_token`].
    pub(super) async fn discard(&self, kid: &str) {
        let Some(token) = &self.token else { return };
        if let Err(error) = token.destroy(kid).await {
            tracing::warn!(kid, %error, "a key that left is still on the token, and will be destroyed later");
        }
    }
}

impl fmt::Debug for CustodySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustodySigner").finish_non_exhaustive()
    }
}

fn no_token() -> PortError {
    PortError::Unavailable(String::from("the key is on a token, and none is set up: keys.pkcs11"))
}
