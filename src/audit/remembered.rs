//! Checkpoints remembered outside, held against the tree as it is recomputed.
//!
//! Sees a log that was cut, put back from a copy, or rewritten. A log that has two heads has two roots of one size. Who
//! signs later with a stolen key what is dated earlier meets checkpoints of fewer entries that are younger.

use super::{Frontier, Hash};
use crate::base::UnixTime;

/// A checkpoint whose signature was verified, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedCheckpoint {
    /// Number of leaves.
    pub size: u64,
    /// Root.
    pub root: Hash,
    /// When it was signed.
    pub at: UnixTime,
    /// Place among the sources of the caller, and line.
    pub found: (u32, u64),
}

/// What checkpoints show of a log that is whole in itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryBreak {
    /// At this size the log has another root.
    #[error(
        "entries {since} to {} are not those of the checkpoint of {} with {size} entries: the log was rewritten, \
         or has two heads", size.saturating_sub(1), at.rfc3339()
    )]
    Rewritten {
        /// Size up to which an earlier checkpoint holds.
        since: u64,
        /// Size of the checkpoint.
        size: u64,
        /// When it was signed.
        at: UnixTime,
        /// Where it was found.
        found: (u32, u64),
    },
    /// The log is shorter than it was.
    #[error(
        "the log ends after {end} entries, and the checkpoint of {} has {size}: entries {end} to {} were cut off, \
         or an old copy was put back", at.rfc3339(), size.saturating_sub(1)
    )]
    Shortened {
        /// Entries there are.
        end: u64,
        /// Size of the checkpoint.
        size: u64,
        /// When it was signed.
        at: UnixTime,
        /// Where it was found.
        found: (u32, u64),
    },
    /// It is older than one with fewer entries.
    #[error(
        "the checkpoint of {} with {size} entries is dated before one with fewer, of {}: one of them was signed later than it says",
        at.rfc3339(), before.rfc3339()
    )]
    Backwards {
        /// Size of the checkpoint.
        size: u64,
        /// When it says it was signed.
        at: UnixTime,
        /// When one with fewer entries was.
        before: UnixTime,
        /// Where it was found.
        found: (u32, u64),
    },
}

/// That time goes on with the size, over checkpoints of any origin in the order of their sizes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forward {
    size: u64,
    /// The latest with fewer entries.
    before: Option<UnixTime>,
    /// The latest of this size.
    latest: Option<UnixTime>,
}

impl Forward {
    /// The next checkpoint.
    ///
    /// # Errors
    /// The time of one with fewer entries, which is later.
    pub fn goes_on(&mut self, size: u64, at: UnixTime) -> Result<(), UnixTime> {
        if size > self.size {
            self.before = self.before.max(self.latest.take());
            self.size = size;
        }
        if let Some(before) = self.before.filter(|before| at < *before) {
            return Err(before);
        }
        self.latest = self.latest.max(Some(at));
        Ok(())
    }
}

/// Checkpoints in the order of their sizes.
#[derive(Debug, Default)]
pub struct Remembered {
    /// Largest size last, so that the next one is taken from the end.
    left: Vec<RememberedCheckpoint>,
    held: u64,
    newest: Option<(u64, UnixTime)>,
}

impl Remembered {
    /// These checkpoints, in any order.
    #[must_use]
    pub fn new(mut checkpoints: Vec<RememberedCheckpoint>) -> Self {
        let newest = checkpoints.iter().map(|one| (one.size, one.at)).max();
        checkpoints.sort_by_key(|one| std::cmp::Reverse((one.size, one.at)));
        Self { left: checkpoints, held: 0, newest }
    }

    /// The largest size remembered, with its time.
    #[must_use]
    pub const fn newest(&self) -> Option<(u64, UnixTime)> {
        self.newest
    }

    /// Compares the checkpoints of the size of `tree`. Called at each size, 0 too.
    ///
    /// # Errors
    /// [`HistoryBreak::Rewritten`] or [`HistoryBreak::Backwards`]
    pub fn at(&mut self, tree: &Frontier, forward: &mut Forward) -> Result<(), HistoryBreak> {
        let mut root = None;
        while let Some(next) = self.left.pop_if(|next| next.size <= tree.size()) {
            if next.root != *root.get_or_insert_with(|| tree.root()) {
                let RememberedCheckpoint { size, at, found, .. } = next;
                return Err(HistoryBreak::Rewritten { since: self.held, size, at, found });
            }
            forward.goes_on(next.size, next.at).map_err(|before| {
                let RememberedCheckpoint { size, at, found, .. } = next;
                HistoryBreak::Backwards { size, at, before, found }
            })?;
            self.held = next.size;
        }
        Ok(())
    }

    /// The log has ended at `end` entries.
    ///
    /// # Errors
    /// [`HistoryBreak::Shortened`], by the largest checkpoint.
    pub fn end(self, end: u64) -> Result<(), HistoryBreak> {
        match self.left.into_iter().next() {
            Some(RememberedCheckpoint { size, at, found, .. }) => {
                Err(HistoryBreak::Shortened { end, size, at, found })
            }
            None => Ok(()),
        }
    }
}
