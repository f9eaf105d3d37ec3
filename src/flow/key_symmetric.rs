//! The symmetric keys in use on this replica: read at the start, and again when their records move.
//!
//! A DPoP nonce is made with the active key and accepted from the one before and the one to come: replicas read the
//! records at different times, and no proof fails for it (RFC 9449 8, `security.md` 5.4 and 5.6).

use crate::keyring::{KeyRecord, KeyState, Purpose};
use crate::oauth::NonceIssuer;
use crate::ports::{Keys, PortError, PortResult};

/// Symmetric keys in use, 32 bytes each.
#[derive(Clone)]
pub struct SymmetricKeys {
    pairwise: [u8; 32],
    nonce: [u8; 32],
    other_nonces: Vec<[u8; 32]>,
    /// Of the nonces, the active one first.
    kids: Vec<String>,
}

impl SymmetricKeys {
    /// Reads the keys that `records` name.
    ///
    /// # Errors
    /// No active key, or one that does not open.
    pub async fn read(keys: &dyn Keys, records: &[KeyRecord]) -> PortResult<Self> {
        let missing = || PortError::Corrupt(String::from("no active pairwise key"));
        let pairwise = records
            .iter()
            .find(|key| key.purpose == Purpose::Pairwise && key.state == KeyState::Active)
            .ok_or_else(missing)?;
        let pairwise = material(keys, &pairwise.kid, Purpose::Pairwise).await?;
        Self::with_nonces(keys, records, pairwise).await
    }

    /// The keys of `records` when these are others than before; the pairwise one never changes.
    pub(super) async fn reread(&self, keys: &dyn Keys, records: &[KeyRecord]) -> PortResult<Option<Self>> {
        if nonce_kids(records) == self.kids {
            return Ok(None);
        }
        Self::with_nonces(keys, records, self.pairwise).await.map(Some)
    }

    /// Derives pairwise subjects; never rotates (design decision 20).
    #[must_use]
    pub const fn pairwise(&self) -> &[u8; 32] {
        &self.pairwise
    }

    /// Makes and checks the nonces of DPoP proofs.
    #[must_use]
    pub fn nonces(&self, generation: u64) -> NonceIssuer {
        self.other_nonces
            .iter()
            .fold(NonceIssuer::new(self.nonce, generation), |issuer, key| issuer.with_other_key(*key))
    }

    async fn with_nonces(keys: &dyn Keys, records: &[KeyRecord], pairwise: [u8; 32]) -> PortResult<Self> {
        let kids = nonce_kids(records);
        let missing = || PortError::Corrupt(String::from("no active nonce key"));
        let (first, others) = kids.split_first().ok_or_else(missing)?;
        let nonce = material(keys, first, Purpose::Nonce).await?;
        let mut other_nonces = Vec::with_capacity(others.len());
        for kid in others {
            // Destroyed since the records were read.
            other_nonces.extend(keys.symmetric(kid, Purpose::Nonce).await?);
        }
        Ok(Self { pairwise, nonce, other_nonces, kids })
    }
}

/// The keys of nonces: the active one, then the ones to come and before. None while no key is active.
fn nonce_kids(records: &[KeyRecord]) -> Vec<String> {
    let of = |state: KeyState| {
        records.iter().filter(move |key| key.purpose == Purpose::Nonce && key.state == state)
    };
    let Some(active) = of(KeyState::Active).max_by_key(|key| (key.activated_at, &key.kid)) else {
        return Vec::new();
    };
    let others = of(KeyState::Staged).chain(of(KeyState::Retiring));
    std::iter::once(active).chain(others).map(|key| key.kid.clone()).collect()
}

async fn material(keys: &dyn Keys, kid: &str, purpose: Purpose) -> PortResult<[u8; 32]> {
    let missing = || PortError::Corrupt(format!("the active {} key is gone", purpose.as_str()));
    keys.symmetric(kid, purpose).await?.ok_or_else(missing)
}
