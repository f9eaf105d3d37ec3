//! How often a subject may come: the generic cell rate algorithm (ITU-T I.371) in memory of fixed size.
//!
//! Every subject has a cell in each of two rows, by a keyed hash, and is refused when both are full: nothing is allocated or
//! locked, nobody can fill the memory, and only who shares both cells with others is counted with them. Nothing is shared
//! with other processes.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Cells of a row: 512 KiB for both.
const CELLS: u64 = 32_768;
/// Microseconds at the full rate that may be taken at once.
const BURST: u64 = 2_000_000;
const SECOND: u64 = 1_000_000;

/// A rate, the same for each subject.
#[derive(Debug)]
pub struct Rate {
    /// Microseconds from one event to the next.
    interval: u64,
    rows: [Box<[AtomicU64]>; 2],
    keys: RandomState,
}

impl Rate {
    /// `per_second` events of each subject, and twice as many at once after a rest; none when it is 0: no limit.
    #[must_use]
    pub fn per_second(per_second: u32) -> Option<Self> {
        let interval = SECOND.checked_div(u64::from(per_second))?;
        let row = || (0..CELLS).map(|_| AtomicU64::new(0)).collect();
        Some(Self { interval, rows: [row(), row()], keys: RandomState::new() })
    }

    /// Counts one event of `subject` at `now`, microseconds since any beginning.
    ///
    /// # Errors
    /// It is too early: how long to wait. The event is not counted.
    pub fn admit(&self, subject: impl Hash, now: u64) -> Result<(), Duration> {
        let hash = self.keys.hash_one(subject);
        let [first, second] = &self.rows;
        let (Some(one), Some(other)) = (cell(first, hash), cell(second, hash.rotate_right(32))) else {
            return Ok(());
        };
        let filled = |cell: &AtomicU64| self.ahead(cell.load(Ordering::Relaxed), now);
        let ahead = filled(one).min(filled(other));
        if ahead > BURST {
            return Err(Duration::from_micros(ahead.saturating_sub(BURST)));
        }
        for cell in [one, other] {
            let next =
                |filled| Some(now.saturating_add(self.ahead(filled, now)).saturating_add(self.interval));
            // `next` always gives a value: there is no failure to look at.
            let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        }
        Ok(())
    }

    /// How far a cell is filled; what no clock that runs forward can have filled counts as empty.
    fn ahead(&self, filled: u64, now: u64) -> u64 {
        let ahead = filled.saturating_sub(now);
        let most = BURST.saturating_mul(2).saturating_add(self.interval);
        if ahead > most { 0 } else { ahead }
    }
}

fn cell(row: &[AtomicU64], hash: u64) -> Option<&AtomicU64> {
    usize::try_from(hash.checked_rem(CELLS)?).ok().and_then(|index| row.get(index))
}
