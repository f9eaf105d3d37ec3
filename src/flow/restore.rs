//! Whether the durable store is as new as what was seen of it; and after a backup was put back, the end of everything
//! older (`security.md` EXP-20).
//!
//! The audit log only grows. A store with fewer entries than were seen of it has forgotten revocations and uses: nothing
//! is accepted and nothing signed on it, until a global cut-off no earlier than that memory ends all that was issued.

use crate::audit::EventKind;
use crate::base::UnixTime;
use crate::ports::{Cutoff, CutoffScope, HighWater, PortError, PortResult};

use super::Provider;

/// Why the store is not to be worked on.
#[derive(Debug, thiserror::Error)]
pub enum StoreBehind {
    /// It has forgotten something.
    #[error(
        "the database is older than what was seen of it: its audit log has {size} entries, and {} were seen on {}. \
         A backup was put back, or a fail-over lost commits: run `sceau restore` once, then start again",
        .seen.entries,
        .seen.at.rfc3339()
    )]
    Older {
        /// Entries of its audit log.
        size: u64,
        /// What was seen.
        seen: HighWater,
    },
    /// It could not be asked.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What the end of everything older left.
#[derive(Clone, Copy, Debug)]
pub struct Restored {
    /// Up to when everything is refused.
    pub at: UnixTime,
    /// Entries of the audit log that was put back.
    pub entries: u64,
    /// What was seen of the database before, where that is remembered.
    pub seen: Option<HighWater>,
}

impl Provider {
    /// Compares the store with what was last seen of it, and remembers what is seen now. While it is behind, nothing is
    /// accepted and nothing signed.
    ///
    /// # Errors
    /// [`StoreBehind`].
    pub async fn watch_store(&self) -> Result<(), StoreBehind> {
        let now = self.now();
        // Before the log is asked: what it had then, it has now.
        let seen = self.ports.high_water.read().await?;
        let size = self.compare_store(seen).await?;
        self.ports.high_water.write(HighWater { entries: size, at: now }).await?;
        Ok(())
    }

    /// Compares the store with what was `seen` of it. Gives the entries of its audit log.
    ///
    /// # Errors
    /// [`StoreBehind`].
    pub async fn compare_store(&self, seen: Option<HighWater>) -> Result<u64, StoreBehind> {
        let size = self.ports.audit_log.tree().await?.size();
        // An empty log is that of a new database, whose keys open nothing that was sealed before.
        if let Some(seen) = seen.filter(|seen| 0 < size && size < seen.entries)
            && !self.ended_since(seen.at).await?
        {
            self.cutoffs.set_behind(true);
            return Err(StoreBehind::Older { size, seen });
        }
        self.cutoffs.set_behind(false);
        Ok(size)
    }

    /// Whether all that was accepted up to `at` has been ended.
    async fn ended_since(&self, at: UnixTime) -> PortResult<bool> {
        let (changes, _) = self.ports.revocation.changes_since(at).await?;
        Ok(changes.iter().any(|cutoff| cutoff.scope == CutoffScope::Global && cutoff.at >= at))
    }

    /// Ends everything that was authenticated or issued until now: sessions, grants, refresh tokens, access tokens and
    /// codes. For after a backup was put back, once.
    ///
    /// # Errors
    /// A store does not answer.
    pub async fn end_before_restore(&self) -> PortResult<Restored> {
        let seen = self.ports.high_water.read().await?;
        let entries = self.ports.audit_log.tree().await?.size();
        let now = self.now();
        // Whoever wrote the mark may have had a clock that was ahead.
        let at = seen.map_or(now, |seen| seen.at.max(now));
        let cutoff = Cutoff { scope: CutoffScope::Global, at };
        let event = self.by_operator(EventKind::DatabaseRestored, "everything_ended", now);
        self.ports.revocation.revoke(&cutoff, &event).await?;
        self.cutoffs.note(&cutoff);
        Ok(Restored { at, entries, seen })
    }
}
