//! The open connections of this process: one to each shard, with what is known of it. A store on one server, or behind
//! sentinels, is one shard that has all slots.
//!
//! All are used, or none: what one shard has forgotten makes all memory doubtful. A line that is lost leaves the others
//! open, to be checked again with what takes its place.

use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redis::aio::MultiplexedConnection;

use super::address::Node;
use super::bells::Bells;
use super::slot::slot_of;

/// An open connection.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) serial: u64,
    /// Where it leads; none: to the only server.
    pub(super) node: Option<Node>,
    pub(super) connection: MultiplexedConnection,
}

/// Slots, from the first to the last.
pub(super) type Slots = RangeInclusive<u16>;

/// A primary with the slots it has.
#[derive(Clone)]
pub(super) struct Shard {
    pub(super) line: Line,
    pub(super) slots: Vec<Slots>,
    /// Changes with each history of writes.
    pub(super) replication_id: String,
    /// The key that tells whether the shard still remembers.
    pub(super) witness: String,
}

impl Shard {
    pub(super) fn has(&self, slot: u16) -> bool {
        self.slots.iter().any(|slots| slots.contains(&slot))
    }
}

/// A line to every shard.
pub(super) struct Lines {
    pub(super) shards: Vec<Shard>,
}

impl Lines {
    /// The shard that has `key`.
    pub(super) fn of(&self, key: &[u8]) -> Option<&Shard> {
        match self.shards.as_slice() {
            [only] => Some(only),
            shards => {
                let slot = slot_of(key);
                shards.iter().find(|shard| shard.has(slot))
            }
        }
    }

    /// The shard at `node`.
    pub(super) fn at(&self, node: &Node) -> Option<&Shard> {
        self.shards.iter().find(|shard| shard.line.node.as_ref() == Some(node))
    }
}

/// What the readers of the connections touch.
pub(super) struct Shared {
    state: RwLock<State>,
    pub(super) bells: Bells,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Lines>>,
    /// Open, and to be checked again before their next use.
    spare: Vec<Line>,
    /// Lost since lines were last put to use: perhaps while they were opened.
    lost: Vec<u64>,
    /// The line on which bells are heard.
    hearing: Option<u64>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self { state: RwLock::default(), bells: Bells::new() }
    }

    pub(super) fn current(&self) -> Option<Arc<Lines>> {
        self.read().current.clone()
    }

    /// Whether line `serial` is in use.
    pub(super) fn uses(&self, serial: u64) -> bool {
        self.read().current.as_ref().is_some_and(|lines| has(lines, serial))
    }

    /// What is open all the same, and the line on which bells are heard.
    pub(super) fn spare(&self) -> (Vec<Line>, Option<u64>) {
        let state = self.read();
        (state.spare.clone(), state.hearing)
    }

    /// Lets everybody use `lines`; not when one of them was lost while others were opened.
    pub(super) fn put(&self, lines: &Arc<Lines>, hearing: u64) -> bool {
        let mut state = self.write();
        let whole = !lines.shards.iter().any(|shard| state.lost.contains(&shard.line.serial));
        let current = whole.then(|| Arc::clone(lines));
        let spare = if whole { Vec::new() } else { still_open(lines, &state.lost) };
        *state = State { current, spare, lost: Vec::new(), hearing: Some(hearing) };
        whole
    }

    /// Line `serial` is of no use any more.
    pub(super) fn lose(&self, serial: u64) {
        let mut state = self.write();
        state.lost.push(serial);
        let State { current, spare, lost, .. } = &mut *state;
        if let Some(lines) = current.take_if(|lines| has(lines, serial)) {
            *spare = still_open(&lines, lost);
        }
        spare.retain(|line| line.serial != serial);
    }

    /// Where `lines` lead is to be found out again.
    pub(super) fn renew(&self, lines: &Arc<Lines>) {
        let mut state = self.write();
        if let Some(lines) = state.current.take_if(|current| Arc::ptr_eq(current, lines)) {
            state.spare = still_open(&lines, &[]);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has(lines: &Lines, serial: u64) -> bool {
    lines.shards.iter().any(|shard| shard.line.serial == serial)
}

fn still_open(lines: &Lines, lost: &[u64]) -> Vec<Line> {
    let all = lines.shards.iter().map(|shard| &shard.line);
    all.filter(|line| !lost.contains(&line.serial)).cloned().collect()
}
