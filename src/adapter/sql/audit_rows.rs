//! Rows of the audit log from columns to values.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::row::{array, corrupt, counter};
use crate::audit::{LaneHead, LogEntry, StoredRow, WaitingRow};
use crate::base::{AuditId, UnixTime};
use crate::ports::{FoundRow, PortResult};

/// Writer, sequence, previous hash, time, leaf hash; then the lane's next sequence and head.
pub(super) type Waiting = (Uuid, i64, Vec<u8>, i64, Vec<u8>, i64, Vec<u8>);

/// Rows that wait, and the heads of their lanes.
pub(super) fn waiting(rows: Vec<Waiting>) -> PortResult<(BTreeMap<Uuid, LaneHead>, Vec<WaitingRow>)> {
    let mut heads = BTreeMap::new();
    let mut waiting = Vec::with_capacity(rows.len());
    for (writer, sequence, previous, at, hash, next, head) in rows {
        heads.insert(writer, LaneHead { next: counter(next)?, hash: array(&head)? });
        waiting.push(WaitingRow {
            writer,
            sequence: counter(sequence)?,
            previous: array(&previous)?,
            at: UnixTime::from_millis(at),
            hash: array(&hash)?,
        });
    }
    Ok((heads, waiting))
}

/// Writer, sequence, identifier, previous hash, time, kind, record unless it is in the log, leaf hash.
pub(super) type Absent = (Uuid, i64, Uuid, Vec<u8>, i64, String, Option<Vec<u8>>, Vec<u8>);

pub(super) fn absent(
    (writer, sequence, id, previous, at, kind, record, hash): Absent,
) -> Option<PortResult<StoredRow>> {
    let record = record?;
    let read = || {
        Ok(StoredRow {
            id: AuditId::from_uuid(id),
            writer,
            sequence: counter(sequence)?,
            previous: array(&previous)?,
            at,
            kind,
            record,
            hash: array(&hash)?,
        })
    };
    Some(read())
}

/// An entry beside its row; either may be missing.
#[derive(sqlx::FromRow)]
pub(super) struct Entry {
    log_index: Option<i64>,
    writer: Uuid,
    sequence: i64,
    entered: Vec<u8>,
    id: Option<Uuid>,
    previous_hash: Option<Vec<u8>>,
    at: Option<i64>,
    kind: Option<String>,
    record: Option<Vec<u8>>,
    leaf_hash: Option<Vec<u8>>,
}

impl Entry {
    pub(super) fn read(self) -> PortResult<LogEntry> {
        let index = self.log_index.ok_or_else(|| corrupt("an entry has no index"))?;
        let (writer, sequence) = (self.writer, counter(self.sequence)?);
        let hash = array(&self.entered)?;
        Ok(LogEntry { index: counter(index)?, writer, sequence, hash, row: self.row()? })
    }

    pub(super) fn found(self) -> PortResult<FoundRow> {
        let index = self.log_index.map(counter).transpose()?;
        Ok((index, self.row()?.ok_or_else(|| corrupt("a row has no identifier"))?))
    }

    fn row(self) -> PortResult<Option<StoredRow>> {
        let Some(id) = self.id else { return Ok(None) };
        let absent = || corrupt("a column of an audit row is empty");
        Ok(Some(StoredRow {
            id: AuditId::from_uuid(id),
            writer: self.writer,
            sequence: counter(self.sequence)?,
            previous: array(&self.previous_hash.ok_or_else(absent)?)?,
            at: self.at.ok_or_else(absent)?,
            kind: self.kind.ok_or_else(absent)?,
            record: self.record.ok_or_else(absent)?,
            hash: array(&self.leaf_hash.ok_or_else(absent)?)?,
        }))
    }
}
