//! The audit log verified from its first entry: records, lanes, order, tree, and checkpoints of here and outside.
//!
//! 1. Entries in order, each with its row, the tree recomputed.
//! 2. At each size of a checkpoint, stored here or remembered outside, the roots are compared.
//! 3. The stored tree is that of the entries.
//! 4. Rows not in the log yet go on in their lanes.
//!
//! Reads in pages and keeps no row. Needs no key of ours but the public halves of the audit keys.

use std::collections::VecDeque;

use crate::audit::{
    CheckpointError, Forward, HistoryBreak, LogError, LogVerifier, NoteKey, Remembered, RememberedCheckpoint,
    SignedCheckpoint, TrustedKey,
};
use crate::base::UnixTime;
use crate::ports::{AuditKey, AuditLog, PortError, StoredCheckpoint};

/// Rows read at a time.
const PAGE: u32 = 1000;

/// Keys that may have signed checkpoints.
#[derive(Clone, Debug)]
pub enum TrustedKeys {
    /// Those of the database that is verified.
    OfDatabase(Vec<AuditKey>),
    /// Given from outside.
    Given(Vec<TrustedKey>),
}

impl TrustedKeys {
    /// Keys given from outside. What the database knows of their revocation counts too: it can only take trust away.
    #[must_use]
    pub fn given(keys: Vec<TrustedKey>, of_database: &[AuditKey]) -> Self {
        let narrowed = keys.into_iter().map(|trusted| {
            let until = revoked_in(&trusted.key, of_database);
            trusted.until(until)
        });
        Self::Given(narrowed.collect())
    }

    /// The checkpoint of `note`, if one of these keys signed it before it was revoked.
    ///
    /// # Errors
    /// [`CheckpointError`]
    pub fn verified(&self, note: &str) -> Result<crate::audit::Checkpoint, CheckpointError> {
        let note = SignedCheckpoint::parse(note)?;
        let own: Vec<TrustedKey>;
        let keys = match self {
            Self::Given(keys) => keys,
            Self::OfDatabase(keys) => {
                let named = keys.iter().map(|AuditKey { jwk, revoked, .. }| {
                    NoteKey::from_jwk(note.origin(), jwk).map(|key| TrustedKey { key, until: *revoked })
                });
                own = named.collect::<Result<_, _>>()?;
                &own
            }
        };
        note.believed(keys).cloned()
    }
}

/// When the database says that `key` was revoked.
#[must_use]
pub fn revoked_in(key: &NoteKey, of_database: &[AuditKey]) -> Option<UnixTime> {
    let same = |known: &&AuditKey| NoteKey::from_jwk(key.name(), &known.jwk).is_ok_and(|known| known == *key);
    of_database.iter().filter(same).filter_map(|known| known.revoked).min()
}

/// What was found whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries of the log.
    pub entries: u64,
    /// Rows that are not in the log yet.
    pub waiting: u64,
    /// Checkpoints of the database that hold.
    pub stored: u64,
    /// The largest checkpoint remembered outside.
    pub outside: Option<(u64, UnixTime)>,
}

/// Why a log is not whole, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// An entry or a row.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A checkpoint remembered outside.
    #[error("{0}")]
    History(#[from] HistoryBreak),
    /// A checkpoint stored here shows another history.
    #[error("by checkpoint {number} of the database: {what}")]
    StoredHistory {
        /// Its number.
        number: u64,
        /// What it shows.
        what: HistoryBreak,
    },
    /// A checkpoint stored here is not sound in itself.
    #[error("checkpoint {number} of the database: {what}")]
    Stored {
        /// Its number.
        number: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The tree stored here is not that of the entries.
    #[error(
        "the tree of the database has {stored} entries, and the log {entries} or others: it was cut or changed"
    )]
    Tree {
        /// As stored.
        stored: u64,
        /// As recomputed.
        entries: u64,
    },
    /// The store does not answer, or holds what cannot be read.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Verifies the whole log; `turn` hears the number of entries after each page.
pub async fn verify_log(
    log: &dyn AuditLog,
    keys: &TrustedKeys,
    outside: Vec<RememberedCheckpoint>,
    turn: &mut (dyn FnMut(u64) + Send),
) -> Result<Verified, VerifyError> {
    // Before the entries, in this order: what is signed or entered meanwhile may only add to them.
    let mut checkpoints = StoredCheckpoints::up_to(log, keys, log.last_checkpoint().await?);
    let stored_tree = log.tree().await?;
    let (mut outside, mut forward) = (Remembered::new(outside), Forward::default());
    let newest = outside.newest();
    let mut verifier = LogVerifier::default();
    outside.at(verifier.tree(), &mut forward)?;
    checkpoints.at(&verifier, &mut forward).await?;
    loop {
        let page = log.entries(verifier.tree().size(), PAGE).await?;
        // An index below the one asked for is impossible, so that each page goes on.
        if page.is_empty() {
            break;
        }
        for entry in &page {
            // 1
            verifier.entry(entry)?;
            // 2
            outside.at(verifier.tree(), &mut forward)?;
            checkpoints.at(&verifier, &mut forward).await?;
            // 3
            if verifier.tree().size() == stored_tree.size() && *verifier.tree() != stored_tree {
                return Err(tree_error(&stored_tree, &verifier));
            }
        }
        turn(verifier.tree().size());
    }
    let entries = verifier.tree().size();
    outside.end(entries)?;
    let stored = checkpoints.end(entries).await?;
    if entries < stored_tree.size() {
        return Err(tree_error(&stored_tree, &verifier));
    }
    // 4
    let mut after = None;
    loop {
        let (next, rows) = log.absent(entries, after, PAGE).await?;
        for row in &rows {
            verifier.row(row)?;
        }
        let Some(next) = next else { break };
        after = Some(next);
    }
    Ok(Verified { entries, waiting: verifier.waiting(), stored, outside: newest })
}

fn tree_error(stored: &crate::audit::Frontier, verifier: &LogVerifier) -> VerifyError {
    VerifyError::Tree { stored: stored.size(), entries: verifier.tree().size() }
}

/// The checkpoints of the database, as the tree grows past them.
struct StoredCheckpoints<'a> {
    log: &'a dyn AuditLog,
    keys: &'a TrustedKeys,
    page: VecDeque<StoredCheckpoint>,
    next: u64,
    held: u64,
    /// How many there are, by the number of the last one.
    count: u64,
}

impl<'a> StoredCheckpoints<'a> {
    fn up_to(log: &'a dyn AuditLog, keys: &'a TrustedKeys, last: Option<StoredCheckpoint>) -> Self {
        let count = last.map_or(0, |last| last.number.saturating_add(1));
        Self { log, keys, page: VecDeque::new(), next: 0, held: 0, count }
    }

    async fn at(&mut self, verifier: &LogVerifier, forward: &mut Forward) -> Result<(), VerifyError> {
        let size = verifier.tree().size();
        while let Some(checkpoint) = self.due(size).await? {
            let number = checkpoint.number;
            let what = self.flaw(&checkpoint, size);
            if let Some(what) = what {
                return Err(VerifyError::Stored { number, what });
            }
            if checkpoint.root != verifier.tree().root() {
                let StoredCheckpoint { size, at, .. } = checkpoint;
                let what = HistoryBreak::Rewritten { since: self.held, size, at, found: (0, 0) };
                return Err(VerifyError::StoredHistory { number, what });
            }
            forward.goes_on(checkpoint.size, checkpoint.at).map_err(|before| {
                let StoredCheckpoint { size, at, .. } = checkpoint;
                let what = HistoryBreak::Backwards { size, at, before, found: (0, 0) };
                VerifyError::StoredHistory { number, what }
            })?;
            self.held = checkpoint.size;
            self.next = number.saturating_add(1);
        }
        Ok(())
    }

    /// What is wrong with a checkpoint by itself.
    fn flaw(&self, stored: &StoredCheckpoint, size: u64) -> Option<&'static str> {
        if stored.number != self.next {
            return Some("checkpoints before this one were taken away");
        }
        if stored.size < size {
            return Some("it has fewer entries than the one before it");
        }
        match self.keys.verified(&stored.note) {
            Err(CheckpointError::UnknownKey) => Some("it is signed by none of the known keys"),
            Err(CheckpointError::Revoked) => Some("it was signed with a key that had been revoked by then"),
            Err(_) => Some("its note or its signature is wrong"),
            Ok(signed) => {
                let same = (signed.size, signed.root, signed.at) == (stored.size, stored.root, stored.at);
                (!same).then_some("its columns are not those that were signed")
            }
        }
    }

    /// The next checkpoint of at most this size.
    async fn due(&mut self, size: u64) -> Result<Option<StoredCheckpoint>, VerifyError> {
        self.fill().await?;
        Ok(self.page.pop_front_if(|next| next.size <= size))
    }

    async fn fill(&mut self) -> Result<(), VerifyError> {
        if self.page.is_empty() && self.next < self.count {
            self.page = self.log.checkpoints(self.next.checked_sub(1), PAGE).await?.into();
            self.page.retain(|checkpoint| checkpoint.number < self.count);
        }
        Ok(())
    }

    /// Gives the number of checkpoints that hold.
    async fn end(mut self, entries: u64) -> Result<u64, VerifyError> {
        self.fill().await?;
        let Some(StoredCheckpoint { number, size, at, .. }) = self.page.pop_back() else {
            return Ok(self.next);
        };
        let what = HistoryBreak::Shortened { end: entries, size, at, found: (0, 0) };
        Err(VerifyError::StoredHistory { number, what })
    }
}
