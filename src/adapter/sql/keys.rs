//! Key records, their private parts sealed under the key-encryption key.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::Db;
use super::row::{corrupt, counter, millis, stored, time, word};
use super::statements::{KEY_ADVANCE, KEY_DESTROY, KEY_INSERT, KEY_LIST};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::base::{Clock, Entropy, EntropyExt as _, UnixTime, base64url};
use crate::jose::{Algorithm, DecryptionKey, Jwk, KeyManagement, KeyUse, PrivateKey, Sealer};
use crate::keyring::{KeyRecord, KeyState, Purpose};
use crate::ports::{Keys, PortError, PortResult};

/// The store of key records.
#[derive(Clone)]
pub struct SqlKeys(pub(super) Store);

impl SqlKeys {
    /// Key records in `db`, their private parts under `kek`, the key-encryption key.
    #[must_use]
    pub fn new(db: &Db, kek: &Sealer, entropy: &Arc<dyn Entropy>, clock: &Arc<dyn Clock>) -> Self {
        Self(Store {
            db: db.clone(),
            sealer: kek.into(),
            entropy: Arc::clone(entropy),
            clock: Arc::clone(clock),
        })
    }
}

#[async_trait]
impl Keys for SqlKeys {
    async fn list(&self) -> PortResult<Vec<KeyRecord>> {
        let rows: Vec<KeyRow> = on!(self.0.db.reader(), |c| sqlx::query_as(KEY_LIST).fetch_all(c))?;
        rows.into_iter().map(read).collect()
    }

    async fn stage(&self, record: &KeyRecord, event: &AuditEvent) -> PortResult<Option<String>> {
        if record.purpose == Purpose::Seal && !self.is_newest_seal_key(record).await? {
            return Ok(None);
        }
        let made = Made::generate(record.purpose, &record.algorithm, self.0.entropy.as_ref())?;
        let sealed = self.seal_private(&made.kid, record.purpose, &record.algorithm, &made.private);
        let mut write = self.0.write().await?;
        let row: Option<String> = on!(write.connection(), |c| sqlx::query_scalar(KEY_INSERT)
            .bind(made.kid.as_str())
            .bind(record.purpose.as_str())
            .bind(record.algorithm.as_str())
            .bind(record.state.as_str())
            .bind(made.public_jwk.as_ref().map(ToString::to_string))
            .bind(record.staged_at.millis())
            .bind(millis(record.activates_at))
            .bind(millis(record.activated_at))
            .bind(stored(record.revision)?)
            .bind(sealed)
            .fetch_optional(c))?;
        if row.is_some() {
            write.commit(event).await?;
        }
        Ok(row)
    }

    async fn advance(
        &self,
        expected: u64,
        next: &KeyRecord,
        demoted: Option<&KeyRecord>,
        event: &AuditEvent,
    ) -> PortResult<bool> {
        let mut write = self.0.write().await?;
        // The key that leaves goes first: at no moment are two in use.
        if let Some(demoted) = demoted
            && !update(&mut write, demoted.revision.saturating_sub(1), demoted).await?
        {
            return Ok(false);
        }
        if !update(&mut write, expected, next).await? {
            return Ok(false);
        }
        write.commit(event).await?;
        Ok(true)
    }

    async fn symmetric(&self, kid: &str, purpose: Purpose) -> PortResult<Option<[u8; 32]>> {
        let Some(key) = self.private(kid).await? else { return Ok(None) };
        if key.purpose != purpose {
            return Ok(None);
        }
        let Some(private) = key.private else { return Ok(None) };
        private.as_slice().try_into().map(Some).map_err(|_| corrupt("a symmetric key is not 32 bytes"))
    }
}

impl SqlKeys {
    /// Seal keys are numbered in the order of staging: by a clock that is behind, a new one would take the number of
    /// another.
    async fn is_newest_seal_key(&self, record: &KeyRecord) -> PortResult<bool> {
        let mut others = self.list().await?.into_iter().filter(|key| key.purpose == Purpose::Seal);
        Ok(others.all(|key| key.staged_at < record.staged_at))
    }

    pub(super) const fn db(&self) -> &Db {
        &self.0.db
    }
}

impl fmt::Debug for SqlKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlKeys").finish_non_exhaustive()
    }
}

/// A fresh key.
struct Made {
    kid: String,
    public_jwk: Option<serde_json::Value>,
    private: Zeroizing<Vec<u8>>,
}

impl Made {
    fn generate(purpose: Purpose, algorithm: &str, entropy: &dyn Entropy) -> PortResult<Self> {
        match purpose {
            Purpose::Sign | Purpose::Audit => Self::signing(algorithm),
            Purpose::Seal | Purpose::Cookie | Purpose::Nonce | Purpose::Pairwise => Ok(Self {
                kid: base64url(entropy.bytes::<16>()),
                public_jwk: None,
                private: Zeroizing::new(entropy.bytes::<32>().to_vec()),
            }),
            Purpose::Decrypt => Self::decryption(algorithm),
        }
    }

    fn decryption(algorithm: &str) -> PortResult<Self> {
        let algorithm: KeyManagement = word(algorithm, KEY_MANAGEMENT)?;
        let key =
            DecryptionKey::generate(algorithm).map_err(|error| PortError::Unavailable(error.to_string()))?;
        let public = key.public();
        Ok(Self {
            kid: public.kid().ok_or_else(|| corrupt("a fresh key has no name"))?.to_owned(),
            public_jwk: Some(public.to_json()),
            private: Zeroizing::new(key.to_pkcs8().to_vec()),
        })
    }

    fn signing(algorithm: &str) -> PortResult<Self> {
        let algorithm = signature_algorithm(algorithm)?;
        let key =
            PrivateKey::generate(algorithm).map_err(|error| PortError::Unavailable(error.to_string()))?;
        let kid = key.public().thumbprint().to_string();
        let jwk = Jwk {
            key: key.public().clone(),
            kid: Some(kid.clone()),
            alg: Some(algorithm),
            key_use: Some(KeyUse::Sig),
        };
        let private = Zeroizing::new(key.to_pkcs8().to_vec());
        Ok(Self { kid, public_jwk: Some(jwk.to_json()), private })
    }
}

/// RFC 9864 names Ed25519 what RFC 8037 names `EdDSA`.
pub(super) fn signature_algorithm(name: &str) -> PortResult<Algorithm> {
    if name == "Ed25519" { Ok(Algorithm::EdDsa) } else { word(name, "a key's algorithm is unknown") }
}

/// False when the record is not at `expected`, or another key holds its place.
async fn update(write: &mut Write<'_>, expected: u64, next: &KeyRecord) -> PortResult<bool> {
    let updated = on!(write.connection(), |c| sqlx::query_as::<_, ()>(KEY_ADVANCE)
        .bind(next.kid.as_str())
        .bind(stored(expected)?)
        .bind(next.state.as_str())
        .bind(millis(next.activates_at))
        .bind(millis(next.activated_at))
        .bind(millis(next.retired_at))
        .bind(millis(next.gone_at))
        .bind(millis(next.revoked_at))
        .bind(stored(next.revision)?)
        .fetch_optional(c));
    match updated {
        Err(PortError::Conflict) | Ok(None) => return Ok(false),
        Err(error) => return Err(error),
        Ok(Some(())) => {}
    }
    if destroys(next) {
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(KEY_DESTROY)
            .bind(next.kid.as_str())
            .fetch_optional(c))?;
    }
    Ok(true)
}

/// The keyring's own rule, asked with a private part in hand.
fn destroys(next: &KeyRecord) -> bool {
    let held = KeyRecord { state: KeyState::Staged, sealed_private: Some(Vec::new()), ..next.clone() };
    held.moved_to(next.state, next.staged_at).sealed_private.is_none()
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    kid: String,
    purpose: String,
    algorithm: String,
    state: String,
    public_jwk: Option<String>,
    staged_at: i64,
    activates_at: Option<i64>,
    activated_at: Option<i64>,
    retired_at: Option<i64>,
    gone_at: Option<i64>,
    revoked_at: Option<i64>,
    revision: i64,
}

fn read(row: KeyRow) -> PortResult<KeyRecord> {
    let public_jwk = row.public_jwk.as_deref().map(serde_json::from_str).transpose();
    Ok(KeyRecord {
        kid: row.kid,
        purpose: word(&row.purpose, PURPOSE)?,
        algorithm: row.algorithm,
        state: word(&row.state, STATE)?,
        public_jwk: public_jwk.map_err(|_| corrupt("a public key is not JSON"))?,
        staged_at: UnixTime::from_millis(row.staged_at),
        activates_at: time(row.activates_at),
        activated_at: time(row.activated_at),
        retired_at: time(row.retired_at),
        gone_at: time(row.gone_at),
        revoked_at: time(row.revoked_at),
        revision: counter(row.revision)?,
        sealed_private: None,
    })
}

pub(super) const KEY_MANAGEMENT: &str = "a key's key management is unknown";
pub(super) const PURPOSE: &str = "a key's purpose is unknown";
pub(super) const STATE: &str = "a key's state is unknown";
