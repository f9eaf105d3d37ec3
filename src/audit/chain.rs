//! A writer's chain of records, and its verification.
//!
//! Each record holds the leaf hash of the one before it in its lane. A lane belongs to one storage
//! connection. A truncated end is not seen here: that takes the signed checkpoints.

use std::collections::HashMap;

use uuid::Uuid;

use super::leaf::{leaf_hash, stands_at};
use super::{LanePlace, Leaf};

const FIRST: [u8; 32] = [0; 32];

/// One writer's chain, as its owner holds it. When the outcome of a commit is unknown, the lane is dropped
/// with its connection and another one opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    writer: Uuid,
    next_sequence: u64,
    head: [u8; 32],
}

impl Lane {
    /// A new lane; `writer` is never used for another.
    #[must_use]
    pub const fn open(writer: Uuid) -> Self {
        Self { writer, next_sequence: 0, head: FIRST }
    }

    /// Where the next record stands.
    #[must_use]
    pub const fn place(&self) -> LanePlace {
        LanePlace { writer: self.writer, sequence: self.next_sequence, previous: self.head }
    }

    /// Moves the head to `leaf`, made at [`Lane::place`]. Only after COMMIT: a transaction rolled back leaves
    /// the lane as it was.
    pub const fn advance(&mut self, leaf: &Leaf) {
        self.next_sequence = self.next_sequence.saturating_add(1);
        self.head = leaf.hash;
    }
}

/// A stored row: writer, sequence, previous leaf hash, canonical record, leaf hash.
pub type ChainRow = (Uuid, u64, [u8; 32], Vec<u8>, [u8; 32]);

/// Where a chain is broken, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lane {writer}, record {sequence}: {what}")]
pub struct ChainError {
    /// The lane.
    pub writer: Uuid,
    /// The record at which it shows.
    pub sequence: u64,
    /// What is wrong.
    pub what: ChainBreak,
}

/// How a chain is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainBreak {
    /// The record does not give the stored leaf hash.
    #[error("the record was altered")]
    Altered,
    /// The record does not say the writer, sequence and previous hash of its row.
    #[error("the record is not the one of this place")]
    Misplaced,
    /// Records before this one are missing.
    #[error("records before this one are missing")]
    Missing,
    /// The sequence goes back: rows reordered, or two records at one place.
    #[error("the record is out of order")]
    OutOfOrder,
    /// The previous hash is not that of the record before.
    #[error("the record does not follow the one before it")]
    Unlinked,
}

/// Verifies rows given from the first one of each lane, in the order of each lane's sequence; lanes may be
/// interleaved. Gives the number of rows.
///
/// # Errors
/// [`ChainError`] at the first break.
pub fn verify_chain(rows: impl Iterator<Item = ChainRow>) -> Result<u64, ChainError> {
    let mut lanes: HashMap<Uuid, Lane> = HashMap::new();
    let mut verified: u64 = 0;
    for (writer, sequence, previous, record, hash) in rows {
        let lane = lanes.entry(writer).or_insert_with(|| Lane::open(writer));
        let place = LanePlace { writer, sequence, previous };
        if let Some(what) = broken(lane, &place, &record, &hash) {
            return Err(ChainError { writer, sequence, what });
        }
        lane.next_sequence = sequence.saturating_add(1);
        lane.head = hash;
        verified = verified.saturating_add(1);
    }
    Ok(verified)
}

fn broken(lane: &Lane, place: &LanePlace, record: &[u8], hash: &[u8; 32]) -> Option<ChainBreak> {
    if leaf_hash(record) != *hash {
        return Some(ChainBreak::Altered);
    }
    if !stands_at(record, place) {
        return Some(ChainBreak::Misplaced);
    }
    if place.sequence > lane.next_sequence {
        return Some(ChainBreak::Missing);
    }
    if place.sequence < lane.next_sequence {
        return Some(ChainBreak::OutOfOrder);
    }
    (place.previous != lane.head).then_some(ChainBreak::Unlinked)
}
