//! Verification of the whole log, entry by entry, in the memory of one entry and of the heads of the lanes.
//!
//! Sees what was changed inside: records, columns, lanes, order. What was cut off or replaced as a whole is seen by
//! checkpoints: `remembered`.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::leaf::leaf_hash;
use super::{ChainBreak, Frontier, Hash, LaneHead};
use crate::base::{AuditId, base64url};

/// A row as stored, with the columns beside its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// The event.
    pub id: AuditId,
    /// Its lane.
    pub writer: Uuid,
    /// Its place in the lane.
    pub sequence: u64,
    /// Leaf hash of the row before it in the lane.
    pub previous: Hash,
    /// Milliseconds since 1970.
    pub at: i64,
    /// What happened.
    pub kind: String,
    /// Canonical record.
    pub record: Vec<u8>,
    /// SHA-256 of `0x00` and the record.
    pub hash: Hash,
}

/// An entry of the log, with its row if that is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place in the log, from 0.
    pub index: u64,
    /// The lane of its row.
    pub writer: Uuid,
    /// The place of its row in the lane.
    pub sequence: u64,
    /// The leaf hash entered.
    pub hash: Hash,
    /// The row.
    pub row: Option<StoredRow>,
}

/// Where the log is broken, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogError {
    /// The entry; none for a row that is not in the log yet.
    pub index: Option<u64>,
    /// The lane.
    pub writer: Uuid,
    /// The place in the lane.
    pub sequence: u64,
    /// The record, where there is one.
    pub record: Option<AuditId>,
    /// What is wrong.
    pub what: LogBreak,
}

impl std::error::Error for LogError {}

impl std::fmt::Display for LogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.index {
            Some(index) => write!(f, "log index {index}, ")?,
            None => f.write_str("not in the log yet, ")?,
        }
        write!(f, "lane {}, record {}", self.writer, self.sequence)?;
        if let Some(id) = self.record {
            write!(f, ", id {id}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// How the log is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogBreak {
    /// Entries before this one are missing, or one stands twice.
    #[error("expected log index {expected} here: entries were taken away or moved")]
    Index {
        /// The index that should stand here.
        expected: u64,
    },
    /// The row of the entry is not there.
    #[error("the record was taken away")]
    Gone,
    /// The row is whole by itself, but is not what was entered.
    #[error("another record stands in the place of the one that was entered")]
    Replaced,
    /// A column says something else than the record.
    #[error("the columns of the row are not those of its record")]
    Mislabelled,
    /// The lane is broken.
    #[error(transparent)]
    Lane(#[from] ChainBreak),
}

/// Verifies a log from its first entry.
#[derive(Debug, Default)]
pub struct LogVerifier {
    tree: Frontier,
    lanes: HashMap<Uuid, LaneHead>,
    waiting: u64,
}

impl LogVerifier {
    /// The tree of the entries so far, recomputed.
    #[must_use]
    pub const fn tree(&self) -> &Frontier {
        &self.tree
    }

    /// Rows seen that are not in the log yet.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// [`LogError`] when the log breaks at it.
    pub fn entry(&mut self, entry: &LogEntry) -> Result<(), LogError> {
        let expected = self.tree.size();
        let at = |what| LogError {
            index: Some(entry.index),
            writer: entry.writer,
            sequence: entry.sequence,
            record: entry.row.as_ref().map(|row| row.id),
            what,
        };
        if entry.index != expected {
            return Err(at(LogBreak::Index { expected }));
        }
        let row = entry.row.as_ref().ok_or_else(|| at(LogBreak::Gone))?;
        check(row).map_err(at)?;
        if row.hash != entry.hash {
            return Err(at(LogBreak::Replaced));
        }
        self.follows(row).map_err(at)?;
        self.tree.append(entry.hash);
        Ok(())
    }

    /// Takes a row that is not in the log yet, after every entry, in the order of its lane.
    ///
    /// # Errors
    /// [`LogError`] when its lane breaks at it.
    pub fn row(&mut self, row: &StoredRow) -> Result<(), LogError> {
        let at = |what| LogError {
            index: None,
            writer: row.writer,
            sequence: row.sequence,
            record: Some(row.id),
            what,
        };
        check(row).map_err(at)?;
        self.follows(row).map_err(at)?;
        self.waiting = self.waiting.saturating_add(1);
        Ok(())
    }

    fn follows(&mut self, row: &StoredRow) -> Result<(), LogBreak> {
        let head = self.lanes.entry(row.writer).or_insert(LaneHead::FIRST);
        if let Some(what) = head.broken_by(row.sequence, &row.previous) {
            return Err(what.into());
        }
        *head = head.after(row.hash);
        Ok(())
    }
}

/// The row by itself: its hash, and what it says of itself.
fn check(row: &StoredRow) -> Result<(), LogBreak> {
    // RFC 9162 2.1.1
    if leaf_hash(&row.record) != row.hash {
        return Err(ChainBreak::Altered.into());
    }
    let members: BTreeMap<String, String> =
        serde_json::from_slice(&row.record).map_err(|_| LogBreak::Lane(ChainBreak::Misplaced))?;
    let says = |name: &str, value: &str| members.get(name).is_some_and(|own| own == value);
    let in_place = says("writer", &row.writer.hyphenated().to_string())
        && says("seq", &row.sequence.to_string())
        && says("prev", &base64url(row.previous));
    if !in_place {
        return Err(ChainBreak::Misplaced.into());
    }
    let labelled =
        says("id", &row.id.to_string()) && says("at", &row.at.to_string()) && says("kind", &row.kind);
    if labelled { Ok(()) } else { Err(LogBreak::Mislabelled) }
}
