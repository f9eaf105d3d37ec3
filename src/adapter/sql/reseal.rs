//! Stored values sealed anew under the seal key in use (design decision 18), while everybody else goes on.
//!
//! Each column is walked by the key of its table; a value that does not name the current key is opened, sealed, and put
//! in the place of the very bytes that were read: who wrote meanwhile has won. Nothing else is remembered: begun
//! again, a walk finds what is left. A column is walked until nothing is left, since others write beside it.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::approval_decision::{EVIDENCE, PROOF};
use super::statements_reseal::{
    BLOCK_RESEAL, BLOCK_STALE, DEVICE_RESEAL, DEVICE_RESEAL_FREE, DEVICE_STALE, EVIDENCE_RESEAL,
    EVIDENCE_RESEAL_FREE, EVIDENCE_STALE, FAMILY_RESEAL, FAMILY_RESEAL_FREE, FAMILY_STALE, GRANT_RESEAL,
    GRANT_RESEAL_FREE, GRANT_STALE, LINK_RESEAL, LINK_RESEAL_FREE, LINK_STALE, PAYLOAD_RESEAL,
    PAYLOAD_RESEAL_FREE, PAYLOAD_STALE, PERSON_RESEAL, PERSON_RESEAL_FREE, PERSON_STALE, PROOF_RESEAL,
    PROOF_RESEAL_FREE, PROOF_STALE,
};
use super::store::Store;
use super::write::Write;
use super::{SqlStores, devices, directory_staging, grants, links, persons};
use crate::jose::{SealContext, SealError};
use crate::ports::{PortResult, SEALED_REFRESH};

/// What became of the values of one column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Table and column.
    pub place: &'static str,
    /// Values there are.
    pub total: u64,
    /// Values sealed anew.
    pub done: u64,
    /// Values that others kept writing or holding: under an earlier key perhaps.
    pub left: u64,
    /// Values that do not open, by the key of their row, and why. They stay as they are.
    pub refused: Vec<(String, SealError)>,
}

impl Resealed {
    pub(super) fn of(place: &'static str) -> Self {
        Self { place, ..Self::default() }
    }

    /// Values that needed nothing.
    #[must_use]
    pub fn already(&self) -> u64 {
        let refused = u64::try_from(self.refused.len()).unwrap_or(u64::MAX);
        self.total.saturating_sub(self.done).saturating_sub(self.left).saturating_sub(refused)
    }
}

/// Hears how far it is.
pub trait ResealObserver: Send {
    /// So much of a column was looked at, in this walk.
    fn walked(&mut self, sofar: &Resealed);
}

impl SqlStores {
    /// Seals anew every stored value that is not under the current key, `batch` rows in a transaction.
    ///
    /// # Errors
    /// [`crate::ports::PortError::Unavailable`]; what was done stays done.
    pub async fn reseal(&self, batch: u32, observer: &mut dyn ResealObserver) -> PortResult<Vec<Resealed>> {
        let mut columns = Vec::with_capacity(COLUMNS.len());
        for column in &COLUMNS {
            columns.push(column.reseal(&self.store, batch, observer).await?);
        }
        Ok(columns)
    }
}

/// A column of sealed values.
struct Column {
    /// Table and column.
    place: &'static str,
    /// Kind under which its values are sealed.
    kind: &'static str,
    stale: &'static str,
    put: &'static str,
    put_free: &'static str,
    key: Key,
}

/// The primary key of a table.
enum Key {
    Id,
    Block,
}

/// The primary key of a row.
#[derive(Clone)]
enum RowKey {
    Id(Uuid),
    Block(Uuid, i64, Vec<u8>),
}

/// A row with its value, none when that is under the current key.
type Row = (RowKey, Option<Vec<u8>>);
/// The same of a block: run, part, last index.
type BlockRow = (Uuid, i64, Vec<u8>, Option<Vec<u8>>);

impl Column {
    async fn reseal(
        &self,
        store: &Store,
        batch: u32,
        observer: &mut dyn ResealObserver,
    ) -> PortResult<Resealed> {
        let mut done = 0;
        let mut walks = 0;
        loop {
            let walked = self.walk(store, batch, (done, &mut *observer)).await?;
            walks += 1;
            let changed = walked.done > done;
            done = walked.done;
            let settled = walked.left == 0 && (!changed || walks > 1);
            if settled || walks == WALKS {
                return Ok(walked);
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    /// From the first row to the last; `done` were sealed before.
    async fn walk(
        &self,
        store: &Store,
        batch: u32,
        (done, observer): (u64, &mut dyn ResealObserver),
    ) -> PortResult<Resealed> {
        let mut sofar = Resealed { done, ..Resealed::of(self.place) };
        let mut after = self.key.start();
        loop {
            let began = Instant::now();
            let page = self.page(store, &after, batch).await?;
            let Some((last, _)) = page.last() else { return Ok(sofar) };
            after = last.clone();
            sofar.total = sofar.total.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
            let mut fresh = Vec::new();
            for (key, value) in page {
                let Some(value) = value else { continue };
                match self.again(store, &key, &value).await {
                    Ok(sealed) => fresh.push((key, value, sealed)),
                    Err(reason) => sofar.refused.push((key.shown(), reason)),
                }
            }
            if !fresh.is_empty() {
                self.put_all(store, fresh, &mut sofar).await?;
                store.let_others_write(began.elapsed()).await;
            }
            observer.walked(&sofar);
        }
    }

    /// The value of a row, sealed under the current key.
    async fn again(&self, store: &Store, key: &RowKey, value: &[u8]) -> Result<Vec<u8>, SealError> {
        let name = key.name();
        let context = SealContext { kind: self.kind, name: &name, clear: &[] };
        let plain = zeroize::Zeroizing::new(store.sealer.open(&context, value).await?);
        Ok(store.sealer.seal(store.entropy.as_ref(), &context, &plain))
    }

    async fn put_all(
        &self,
        store: &Store,
        fresh: Vec<(RowKey, Vec<u8>, Vec<u8>)>,
        sofar: &mut Resealed,
    ) -> PortResult<()> {
        let (mut done, mut left) = (0, 0);
        let mut write = store.write().await?;
        for (key, read, sealed) in fresh {
            if self.put(&mut write, key, (read, sealed)).await? {
                done += 1;
            } else {
                left += 1;
            }
        }
        // No value says anything else than before: the job has its events.
        write.commit_all(std::iter::empty()).await?;
        sofar.done = sofar.done.saturating_add(done);
        sofar.left = sofar.left.saturating_add(left);
        Ok(())
    }

    async fn page(&self, store: &Store, after: &RowKey, batch: u32) -> PortResult<Vec<Row>> {
        let prefix = store.sealer.sealer().current_prefix();
        match after {
            RowKey::Id(id) => {
                let rows: Vec<(Uuid, Option<Vec<u8>>)> =
                    on!(store.db.reader(), |c| sqlx::query_as(self.stale)
                        .bind(*id)
                        .bind(prefix.as_slice())
                        .bind(i64::from(batch))
                        .fetch_all(c))?;
                Ok(rows.into_iter().map(|(id, value)| (RowKey::Id(id), value)).collect())
            }
            RowKey::Block(run, chunk, last) => {
                let rows: Vec<BlockRow> = on!(store.db.reader(), |c| sqlx::query_as(self.stale)
                    .bind(*run)
                    .bind(*chunk)
                    .bind(last.as_slice())
                    .bind(prefix.as_slice())
                    .bind(i64::from(batch.min(BLOCKS)))
                    .fetch_all(c))?;
                let row = |(run, chunk, last, value)| (RowKey::Block(run, chunk, last), value);
                Ok(rows.into_iter().map(row).collect())
            }
        }
    }

    /// False when the value is no longer the one read, or somebody holds the row.
    async fn put(
        &self,
        write: &mut Write<'_>,
        key: RowKey,
        (read, sealed): (Vec<u8>, Vec<u8>),
    ) -> PortResult<bool> {
        let text = write.text(self.put, self.put_free);
        let row: Option<(Uuid,)> = match key {
            RowKey::Id(id) => on!(write.connection(), |c| sqlx::query_as(text)
                .bind(id)
                .bind(read)
                .bind(sealed)
                .fetch_optional(c))?,
            RowKey::Block(run, chunk, last) => on!(write.connection(), |c| sqlx::query_as(text)
                .bind(run)
                .bind(chunk)
                .bind(last)
                .bind(read)
                .bind(sealed)
                .fetch_optional(c))?,
        };
        Ok(row.is_some())
    }
}

impl Key {
    /// Before the first row.
    const fn start(&self) -> RowKey {
        match self {
            Self::Id => RowKey::Id(Uuid::nil()),
            Self::Block => RowKey::Block(Uuid::nil(), 0, Vec::new()),
        }
    }
}

impl RowKey {
    /// The name under which a row's value is sealed.
    fn name(&self) -> Vec<u8> {
        match self {
            Self::Id(id) => id.as_bytes().to_vec(),
            Self::Block(run, chunk, last) => directory_staging::sealed_name(*run, *chunk, last),
        }
    }

    /// Tells an operator which row it is.
    fn shown(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Block(run, chunk, _) => format!("run {run}, part {chunk}"),
        }
    }
}

const fn by_id(place: &'static str, kind: &'static str, [stale, put, put_free]: [&'static str; 3]) -> Column {
    Column { place, kind, stale, put, put_free, key: Key::Id }
}

/// Every sealed column but that of key records, which is under the key-encryption key.
const COLUMNS: [Column; 9] = [
    by_id("persons.sealed", persons::SEALED, [PERSON_STALE, PERSON_RESEAL, PERSON_RESEAL_FREE]),
    by_id("devices.sealed", devices::SEALED, [DEVICE_STALE, DEVICE_RESEAL, DEVICE_RESEAL_FREE]),
    by_id("links.sealed", links::SEALED, [LINK_STALE, LINK_RESEAL, LINK_RESEAL_FREE]),
    by_id("grants.sealed", grants::SEALED, [GRANT_STALE, GRANT_RESEAL, GRANT_RESEAL_FREE]),
    by_id("families.current_sealed", SEALED_REFRESH, [FAMILY_STALE, FAMILY_RESEAL, FAMILY_RESEAL_FREE]),
    by_id("decisions.proof_sealed", PROOF, [PROOF_STALE, PROOF_RESEAL, PROOF_RESEAL_FREE]),
    by_id("decisions.evidence_sealed", EVIDENCE, [EVIDENCE_STALE, EVIDENCE_RESEAL, EVIDENCE_RESEAL_FREE]),
    by_id(
        "audit_payloads.sealed",
        super::audit_insert::PAYLOAD,
        [PAYLOAD_STALE, PAYLOAD_RESEAL, PAYLOAD_RESEAL_FREE],
    ),
    Column {
        place: "directory_blocks.sealed",
        kind: directory_staging::SEALED,
        stale: BLOCK_STALE,
        put: BLOCK_RESEAL,
        // Written once and deleted: nobody holds one for long.
        put_free: BLOCK_RESEAL,
        key: Key::Block,
    },
];

/// Blocks are of 64 KiB.
const BLOCKS: u32 = 16;
/// Of a column in which others keep writing.
const WALKS: u32 = 8;
/// For what others hold.
const BREATH: Duration = Duration::from_millis(200);
