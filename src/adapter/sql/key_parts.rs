//! The private parts of key records: sealed under a key-encryption key, bound to identifier, use and algorithm.

use zeroize::Zeroizing;

use super::SqlKeys;
use super::keys::{PURPOSE, STATE};
use super::row::{counter, word};
use super::statements::KEY_PRIVATE;
use crate::jose::{SealContext, SealError, Sealer};
use crate::keyring::{KeyState, Purpose};
use crate::ports::PortResult;

/// Purpose, algorithm, state, revision, sealed private part.
type Stored = (String, String, String, i64, Option<Vec<u8>>);

/// A private part as it is stored, with what is authenticated beside it.
pub(super) struct Part {
    pub(super) purpose: Purpose,
    pub(super) algorithm: String,
    state: KeyState,
    revision: u64,
    /// None once destroyed.
    pub(super) sealed: Option<Vec<u8>>,
}

impl Part {
    /// The private part of the key `kid`, under a key-encryption key of `kek`.
    pub(super) fn open(
        &self,
        kid: &str,
        kek: &Sealer,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let clear = authenticated(kid, self.purpose, &self.algorithm);
        let context = SealContext { kind: SEALED, name: kid.as_bytes(), clear: &clear };
        kek.open(&context, sealed).map(Zeroizing::new)
    }
}

/// A key with its private part unsealed.
pub(super) struct Unsealed {
    pub(super) purpose: Purpose,
    pub(super) algorithm: String,
    pub(super) state: KeyState,
    pub(super) revision: u64,
    /// None once destroyed.
    pub(super) private: Option<Zeroizing<Vec<u8>>>,
}

impl SqlKeys {
    pub(super) fn seal_private(
        &self,
        kid: &str,
        purpose: Purpose,
        algorithm: &str,
        private: &[u8],
    ) -> Vec<u8> {
        let clear = authenticated(kid, purpose, algorithm);
        let context = SealContext { kind: SEALED, name: kid.as_bytes(), clear: &clear };
        self.kek().seal(self.store.entropy.as_ref(), &context, private)
    }

    pub(super) async fn part(&self, kid: &str) -> PortResult<Option<Part>> {
        let row: Option<Stored> =
            on!(self.store.db.reader(), |c| sqlx::query_as(KEY_PRIVATE).bind(kid).fetch_optional(c))?;
        let Some((purpose, algorithm, state, revision, sealed)) = row else { return Ok(None) };
        Ok(Some(Part {
            purpose: word(&purpose, PURPOSE)?,
            algorithm,
            state: word(&state, STATE)?,
            revision: counter(revision)?,
            sealed,
        }))
    }

    pub(super) async fn private(&self, kid: &str) -> PortResult<Option<Unsealed>> {
        let Some(part) = self.part(kid).await? else { return Ok(None) };
        let private = part.sealed.as_deref().map(|sealed| part.open(kid, self.kek(), sealed)).transpose()?;
        let Part { purpose, algorithm, state, revision, .. } = part;
        Ok(Some(Unsealed { purpose, algorithm, state, revision, private }))
    }
}

/// What is authenticated with a private part: identifier, use and algorithm, none of which holds a line end.
fn authenticated(kid: &str, purpose: Purpose, algorithm: &str) -> Vec<u8> {
    [kid, purpose.as_str(), algorithm].join("\n").into_bytes()
}

const SEALED: &str = "key_records/sealed_private";
