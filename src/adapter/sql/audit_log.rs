//! [`AuditLog`]: rows of all lanes in one order, each batch in one transaction.
//!
//! Who holds the row of the tree orders: on PostgreSQL by its lock, until the transaction ends; SQLite has one writer.
//! Entries, lanes and tree change together, so that a process that dies leaves either all of a batch or nothing.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::Db;
use super::audit_rows::{self, Entry, Waiting};
use super::db::{Engine, Tx};
use super::postgres::stated;
use super::row::{array, corrupt, counter, stored};
use super::statements_audit::{
    AUDIT_KEYS, CHECKPOINT_INSERT, CHECKPOINT_LAST, CHECKPOINT_LIST, LANE_ADVANCE, LANES_BEGIN, LANES_OLDEST,
    LANES_WAITING, LOG_ABSENT, LOG_ENTRIES, LOG_INSERT, LOG_INSERT_ALL, LOG_SEARCH, TREE_ADVANCE, TREE_FIND,
    TREE_HOLD,
};
use crate::audit::{Entering, Frontier, LaneHead, LogEntry, WaitingRow, sequence};
use crate::base::{AuditId, UnixTime};
use crate::ports::{AbsentRows, AuditKey, AuditLog, FoundRow, PortResult, Sequenced, StoredCheckpoint};

/// The log in one database. Reading it takes no key.
pub struct SqlAuditLog(Db);

impl SqlAuditLog {
    /// The log in `db`.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self(db.clone())
    }
}

impl std::fmt::Debug for SqlAuditLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlAuditLog").finish_non_exhaustive()
    }
}

#[async_trait]
impl AuditLog for SqlAuditLog {
    async fn sequence(&self, limit: u32) -> PortResult<Option<Sequenced>> {
        let (_turn, mut tx) = self.0.turn().await?;
        let Some(mut tree) = hold(&mut tx).await? else { return Ok(None) };
        on!(tx.connection(), |c| sqlx::query_as::<_, ()>(LANES_BEGIN)
            .bind(LaneHead::FIRST.hash.as_slice())
            .fetch_optional(c))?;
        let rows: Vec<Waiting> = on!(tx.connection(), |c| sqlx::query_as(LANES_WAITING)
            .bind(OF_ONE_LANE)
            .bind(i64::from(limit))
            .fetch_all(c))?;
        let full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
        let (mut heads, waiting) = audit_rows::waiting(rows)?;
        let before = heads.clone();
        let Entering { rows, held } = sequence(&mut tree, &mut heads, waiting);
        enter(&mut tx, &rows).await?;
        heads.retain(|writer, head| before.get(writer) != Some(head));
        advance(&mut tx, &tree, &heads).await?;
        let oldest_waiting = if full || !held.is_empty() { oldest(&mut tx).await? } else { None };
        tx.commit().await?;
        let entered = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        Ok(Some(Sequenced { entered, size: tree.size(), oldest_waiting, held }))
    }

    async fn tree(&self) -> PortResult<Frontier> {
        let row: Option<(i64, Vec<u8>)> =
            on!(self.0.reader(), |c| sqlx::query_as(TREE_FIND).fetch_optional(c))?;
        row.map(frontier).transpose()?.ok_or_else(|| corrupt("the row of the audit tree is gone"))
    }

    async fn entries(&self, from: u64, limit: u32) -> PortResult<Vec<LogEntry>> {
        let from = stored(from)?;
        let rows: Vec<Entry> = on!(self.0.reader(), |c| sqlx::query_as(LOG_ENTRIES)
            .bind(from)
            .bind(i64::from(limit))
            .fetch_all(c))?;
        rows.into_iter().map(Entry::read).collect()
    }

    async fn absent(&self, end: u64, after: Option<(Uuid, u64)>, limit: u32) -> PortResult<AbsentRows> {
        let end = stored(end)?;
        let (writer, sequence) = match after {
            Some((writer, sequence)) => (writer, stored(sequence)?),
            None => (Uuid::nil(), -1),
        };
        let rows: Vec<audit_rows::Absent> = on!(self.0.reader(), |c| sqlx::query_as(LOG_ABSENT)
            .bind(end)
            .bind(writer)
            .bind(sequence)
            .bind(i64::from(limit))
            .fetch_all(c))?;
        let place = |(writer, sequence, ..): &audit_rows::Absent| counter(*sequence).map(|at| (*writer, at));
        let last = rows.last().map(place).transpose()?;
        Ok((last, rows.into_iter().filter_map(audit_rows::absent).collect::<PortResult<_>>()?))
    }

    async fn rows_between(&self, after: AuditId, last: AuditId, limit: u32) -> PortResult<Vec<FoundRow>> {
        let rows: Vec<Entry> = on!(self.0.reader(), |c| sqlx::query_as(LOG_SEARCH)
            .bind(after.uuid())
            .bind(last.uuid())
            .bind(i64::from(limit))
            .fetch_all(c))?;
        rows.into_iter().map(Entry::found).collect()
    }

    async fn last_checkpoint(&self) -> PortResult<Option<StoredCheckpoint>> {
        let row: Option<CheckpointRow> =
            on!(self.0.reader(), |c| sqlx::query_as(CHECKPOINT_LAST).fetch_optional(c))?;
        row.map(checkpoint).transpose()
    }

    async fn checkpoints(&self, after: Option<u64>, limit: u32) -> PortResult<Vec<StoredCheckpoint>> {
        let after = after.map_or(Ok(-1), stored)?;
        let rows: Vec<CheckpointRow> = on!(self.0.reader(), |c| sqlx::query_as(CHECKPOINT_LIST)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(c))?;
        rows.into_iter().map(checkpoint).collect()
    }

    async fn keep_checkpoint(&self, checkpoint: &StoredCheckpoint) -> PortResult<bool> {
        let (number, size) = (stored(checkpoint.number)?, stored(checkpoint.size)?);
        let kept: Option<i64> = on!(self.0.writer(), |c| sqlx::query_scalar(CHECKPOINT_INSERT)
            .bind(number)
            .bind(size)
            .bind(checkpoint.root.as_slice())
            .bind(checkpoint.at.millis())
            .bind(checkpoint.note.as_str())
            .fetch_optional(c))?;
        Ok(kept.is_some())
    }

    async fn audit_keys(&self) -> PortResult<Vec<AuditKey>> {
        let rows: Vec<(String, Option<i64>, Option<String>)> =
            on!(self.0.reader(), |c| sqlx::query_as(AUDIT_KEYS).fetch_all(c))?;
        let read = |(kid, revoked, jwk): (String, Option<i64>, Option<String>)| {
            let jwk = jwk.as_deref().and_then(|jwk| serde_json::from_str(jwk).ok());
            let jwk = jwk.ok_or_else(|| corrupt("an audit key has no public half"))?;
            Ok(AuditKey { kid, jwk, revoked: revoked.map(UnixTime::from_millis) })
        };
        rows.into_iter().map(read).collect()
    }
}

/// The tree, held until the transaction ends; none while another replica holds it.
async fn hold(tx: &mut Tx<'_>) -> PortResult<Option<Frontier>> {
    let text = match tx {
        Engine::Sqlite(_) => TREE_FIND,
        Engine::Postgres(_) => TREE_HOLD,
    };
    let row: Option<(i64, Vec<u8>)> = on!(tx.connection(), |c| sqlx::query_as(text).fetch_optional(c))?;
    row.map(frontier).transpose()
}

/// Writes the rows that have got a place in the one order. PostgreSQL takes all by one statement.
async fn enter(tx: &mut Tx<'_>, rows: &[(u64, WaitingRow)]) -> PortResult<()> {
    if let (Engine::Postgres(server), false) = (tx.connection(), rows.is_empty()) {
        let indexes = rows.iter().map(|(index, _)| stored(*index)).collect::<PortResult<Vec<i64>>>()?;
        let sequences = rows.iter().map(|(_, row)| stored(row.sequence)).collect::<PortResult<Vec<i64>>>()?;
        let entered = sqlx::query_as::<_, ()>(LOG_INSERT_ALL)
            .bind(indexes)
            .bind(rows.iter().map(|(_, row)| row.writer).collect::<Vec<_>>())
            .bind(sequences)
            .bind(rows.iter().map(|(_, row)| row.hash.as_slice()).collect::<Vec<_>>())
            .fetch_optional(&mut *server.executor);
        stated(server.patience, entered).await?;
        return Ok(());
    }
    for (index, row) in rows {
        on!(tx.connection(), |c| sqlx::query_as::<_, ()>(LOG_INSERT)
            .bind(stored(*index)?)
            .bind(row.writer)
            .bind(stored(row.sequence)?)
            .bind(row.hash.as_slice())
            .fetch_optional(c))?;
    }
    Ok(())
}

async fn advance(tx: &mut Tx<'_>, tree: &Frontier, moved: &BTreeMap<Uuid, LaneHead>) -> PortResult<()> {
    for (writer, head) in moved {
        on!(tx.connection(), |c| sqlx::query_as::<_, ()>(LANE_ADVANCE)
            .bind(writer)
            .bind(stored(head.next)?)
            .bind(head.hash.as_slice())
            .fetch_optional(c))?;
    }
    if !moved.is_empty() {
        let size = stored(tree.size())?;
        let peaks = tree.peaks().concat();
        on!(tx.connection(), |c| sqlx::query_as::<_, ()>(TREE_ADVANCE)
            .bind(size)
            .bind(peaks)
            .fetch_optional(c))?;
    }
    Ok(())
}

async fn oldest(tx: &mut Tx<'_>) -> PortResult<Option<UnixTime>> {
    let at: Option<i64> = on!(tx.connection(), |c| sqlx::query_scalar(LANES_OLDEST).fetch_one(c))?;
    Ok(at.map(UnixTime::from_millis))
}

fn frontier((size, peaks): (i64, Vec<u8>)) -> PortResult<Frontier> {
    let peaks = peaks.chunks(32).map(array).collect::<PortResult<_>>()?;
    let tree = Frontier::from_parts(counter(size)?, peaks);
    tree.ok_or_else(|| corrupt("the audit tree has the wrong number of subtrees"))
}

type CheckpointRow = (i64, i64, Vec<u8>, i64, String);

fn checkpoint((number, size, root, at, note): CheckpointRow) -> PortResult<StoredCheckpoint> {
    Ok(StoredCheckpoint {
        number: counter(number)?,
        size: counter(size)?,
        root: array(&root)?,
        at: UnixTime::from_millis(at),
        note,
    })
}

/// Of one lane in one batch.
const OF_ONE_LANE: i64 = 512;
