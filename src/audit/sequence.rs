//! One order for the rows of all lanes.
//!
//! A row enters the log only after the one before it in its lane, and only if it follows it; among lanes the earliest
//! first. The order of what is entered never changes: it is the index of the log.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use uuid::Uuid;

use super::{ChainBreak, ChainError, Frontier, Hash};
use crate::base::UnixTime;

/// A committed row that is not in the log yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRow {
    /// Its lane.
    pub writer: Uuid,
    /// Its place in the lane.
    pub sequence: u64,
    /// Leaf hash of the row before it in the lane.
    pub previous: Hash,
    /// When it happened.
    pub at: UnixTime,
    /// Its leaf hash.
    pub hash: Hash,
}

/// How far a lane is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneHead {
    /// The place of its next row.
    pub next: u64,
    /// Leaf hash of its last row; 32 zero bytes before the first.
    pub hash: Hash,
}

impl LaneHead {
    /// A lane of which nothing is in the log.
    pub const FIRST: Self = Self { next: 0, hash: [0; 32] };

    /// How a row at `sequence` after `previous` does not follow.
    pub(super) fn broken_by(&self, sequence: u64, previous: &Hash) -> Option<ChainBreak> {
        if sequence > self.next {
            return Some(ChainBreak::Missing);
        }
        if sequence < self.next {
            return Some(ChainBreak::OutOfOrder);
        }
        (*previous != self.hash).then_some(ChainBreak::Unlinked)
    }

    /// The head once the row of `hash` stands.
    #[must_use]
    pub const fn after(self, hash: Hash) -> Self {
        Self { next: self.next.saturating_add(1), hash }
    }
}

/// What enters the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entering {
    /// Rows with their index.
    pub rows: Vec<(u64, WaitingRow)>,
    /// Lanes that do not go on: their next row does not follow.
    pub held: Vec<ChainError>,
}

/// Orders `waiting` rows behind `tree`, moving it and the `heads` of their lanes. Rows of a lane without head begin it.
pub fn sequence(
    tree: &mut Frontier,
    heads: &mut BTreeMap<Uuid, LaneHead>,
    waiting: Vec<WaitingRow>,
) -> Entering {
    let mut lanes: BTreeMap<Uuid, VecDeque<WaitingRow>> = BTreeMap::new();
    for row in waiting {
        lanes.entry(row.writer).or_default().push_back(row);
    }
    for rows in lanes.values_mut() {
        rows.make_contiguous().sort_by_key(|row| row.sequence);
    }
    let first = |(writer, rows): (&Uuid, &VecDeque<WaitingRow>)| Some(Reverse((rows.front()?.at, *writer)));
    let mut earliest: BinaryHeap<_> = lanes.iter().filter_map(first).collect();
    let mut entering = Entering::default();
    while let Some(Reverse((_, writer))) = earliest.pop() {
        let Some(rows) = lanes.get_mut(&writer) else { continue };
        let Some(row) = rows.pop_front() else { continue };
        let head = heads.entry(writer).or_insert(LaneHead::FIRST);
        if let Some(what) = head.broken_by(row.sequence, &row.previous) {
            entering.held.push(ChainError { writer, sequence: row.sequence, what });
            continue;
        }
        *head = head.after(row.hash);
        let index = tree.size();
        tree.append(row.hash);
        entering.rows.push((index, row));
        earliest.extend(rows.front().map(|next| Reverse((next.at, writer))));
    }
    entering
}
