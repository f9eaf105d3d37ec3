//! Key records, their private parts sealed under the key-encryption key.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::Db;
use super::key_material::{Made, signature_algorithm};
use super::key_row::{KeyRow, read, read_public};
use super::revocation::cut;
use super::row::{corrupt, millis, stored, word};
use super::statements::{KEY_ADVANCE, KEY_DESTROY, KEY_INSERT, KEY_LIST, KEY_PUBLIC};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::base::{Clock, Entropy};
use crate::jose::Sealer;
use crate::keyring::{Custody, KeyRecord, KeyState, Purpose, Withdrawal};
use crate::ports::{Cutoff, CutoffScope, KeyToken, Keys, PortError, PortResult, PrivatePart, Sealing};

/// The store of key records.
#[derive(Clone)]
pub struct SqlKeys {
    /// Seals personal values of the rows about keys.
    pub(super) store: Store,
    kek: Sealer,
    pub(super) token: Option<Arc<dyn KeyToken>>,
    /// How often a record was changed by this process: what was read before counts no more.
    changes: Arc<AtomicU64>,
}

impl SqlKeys {
    /// Key records in `db`, their private parts under `kek`, the key-encryption key.
    #[must_use]
    pub fn new(db: &Db, kek: &Sealer, entropy: &Arc<dyn Entropy>, clock: &Arc<dyn Clock>) -> Self {
        let store = Store {
            db: db.clone(),
            sealer: kek.into(),
            entropy: Arc::clone(entropy),
            clock: Arc::clone(clock),
        };
        Self { store, kek: kek.clone(), token: None, changes: Arc::default() }
    }

    /// The same, whose audit rows are sealed as all others are. Before its keys are known, there is nobody to name in them.
    #[must_use]
    pub fn with_storage(self, storage: &Sealing) -> Self {
        let store = Store { sealer: storage.clone(), ..self.store };
        Self { store, ..self }
    }

    pub(super) const fn kek(&self) -> &Sealer {
        &self.kek
    }

    /// The same, whose new signing keys are made on `token` and nowhere else.
    #[must_use]
    pub fn with_token(self, token: Arc<dyn KeyToken>) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Changes of records made by this process so far.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Commits a change of records; from then on what was read before counts no more, even when the answer is lost.
    async fn commit_change(&self, write: Write<'_>, events: &[AuditEvent]) -> PortResult<()> {
        let committed = write.commit_all(events.iter()).await;
        self.changes.fetch_add(1, Ordering::AcqRel);
        committed
    }
}

#[async_trait]
impl Keys for SqlKeys {
    async fn list(&self) -> PortResult<Vec<KeyRecord>> {
        let rows: Vec<KeyRow> = on!(self.store.db.reader(), |c| sqlx::query_as(KEY_LIST).fetch_all(c))?;
        rows.into_iter().map(read).collect()
    }

    async fn stage(&self, record: &KeyRecord, event: &AuditEvent) -> PortResult<Option<String>> {
        if record.purpose == Purpose::Seal && !self.is_newest_seal_key(record).await? {
            return Ok(None);
        }
        let made = self.make(record).await?;
        let custody = if made.private.is_some() { Custody::Sealed } else { Custody::Token };
        let seal = |private: &Zeroizing<Vec<u8>>| {
            self.seal_private(&made.kid, record.purpose, &record.algorithm, private)
        };
        let sealed = made.private.as_ref().map(seal);
        let inserted = self.insert(record, &made, custody, sealed).await;
        // A key whose row was not written is nobody's. When a commit ends without an answer it may be ours.
        if custody == Custody::Token && !matches!(inserted, Ok(Some(_))) {
            self.discard(&made.kid).await;
        }
        let Some(write) = inserted? else { return Ok(None) };
        write.commit(event).await?;
        Ok(Some(made.kid))
    }

    async fn advance(
        &self,
        expected: u64,
        next: &KeyRecord,
        demoted: Option<&KeyRecord>,
        event: &AuditEvent,
    ) -> PortResult<bool> {
        let mut write = self.store.write().await?;
        // The key that leaves goes first: at no moment are two in use.
        if let Some(demoted) = demoted
            && !update(&mut write, demoted.revision.saturating_sub(1), demoted).await?
        {
            return Ok(false);
        }
        if !update(&mut write, expected, next).await? {
            return Ok(false);
        }
        self.commit_change(write, std::slice::from_ref(event)).await?;
        for key in demoted.into_iter().chain([next]) {
            self.discard_spent(key).await;
        }
        Ok(true)
    }

    async fn revoke(&self, withdrawal: &Withdrawal, events: &[AuditEvent]) -> PortResult<bool> {
        let mut write = self.store.write().await?;
        let revoked = &withdrawal.revoked;
        if !update(&mut write, withdrawal.expected, revoked).await? {
            return Ok(false);
        }
        if let Some((expected, successor)) = &withdrawal.successor
            && !update(&mut write, *expected, successor).await?
        {
            return Ok(false);
        }
        let at = revoked.revoked_at.unwrap_or_else(|| write.now());
        cut(&mut write, &Cutoff { scope: CutoffScope::Key(revoked.kid.clone()), at }).await?;
        self.commit_change(write, events).await?;
        self.discard_spent(revoked).await;
        Ok(true)
    }

    async fn inspect(&self, kid: &str) -> PortResult<PrivatePart> {
        let row: Option<(Option<String>, String)> =
            on!(self.store.db.reader(), |c| sqlx::query_as(KEY_PUBLIC).bind(kid).fetch_optional(c))?;
        let Some((public, custody)) = row else { return Ok(PrivatePart::Absent) };
        if word::<Custody>(&custody, CUSTODY)? == Custody::Token {
            return self.inspect_token(kid).await;
        }
        let unsealed = match self.private(kid).await {
            Ok(unsealed) => unsealed,
            Err(PortError::Corrupt(_)) => return Ok(PrivatePart::Sealed),
            Err(error) => return Err(error),
        };
        let Some(unsealed) = unsealed else { return Ok(PrivatePart::Absent) };
        Ok(match (&unsealed.private, unsealed.public_of()?) {
            (None, _) => PrivatePart::Absent,
            (Some(_), made) if made == read_public(public.as_deref())? => PrivatePart::Whole,
            (Some(_), _) => PrivatePart::Another,
        })
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
    /// A fresh key: signing keys on the token where there is one, all others here.
    async fn make(&self, record: &KeyRecord) -> PortResult<Made> {
        match (&self.token, record.purpose) {
            (Some(token), Purpose::Sign) => {
                let jwk = token.generate(signature_algorithm(&record.algorithm)?).await?;
                let kid = jwk.kid.clone().ok_or_else(|| corrupt("a fresh key has no name"))?;
                Ok(Made { kid, public_jwk: Some(jwk.to_json()), private: None })
            }
            (_, purpose) => Made::generate(purpose, &record.algorithm, self.store.entropy.as_ref()),
        }
    }

    /// The row of a fresh key, not yet committed; none when another replica made one for the same use.
    async fn insert(
        &self,
        record: &KeyRecord,
        made: &Made,
        custody: Custody,
        sealed: Option<Vec<u8>>,
    ) -> PortResult<Option<Write<'_>>> {
        let mut write = self.store.write().await?;
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
            .bind(custody.as_str())
            .fetch_optional(c))?;
        Ok(row.map(|_| write))
    }

    /// Seal keys are numbered in the order of staging: by a clock that is behind, a new one would take the number of
    /// another.
    async fn is_newest_seal_key(&self, record: &KeyRecord) -> PortResult<bool> {
        let mut others = self.list().await?.into_iter().filter(|key| key.purpose == Purpose::Seal);
        Ok(others.all(|key| key.staged_at < record.staged_at))
    }

    pub(super) const fn db(&self) -> &Db {
        &self.store.db
    }
}

impl fmt::Debug for SqlKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlKeys").finish_non_exhaustive()
    }
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

pub(super) const PURPOSE: &str = "a key's purpose is unknown";
pub(super) const STATE: &str = "a key's state is unknown";
pub(super) const CUSTODY: &str = "a key's custody is unknown";
