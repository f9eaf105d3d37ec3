//! The audit log put in order, and its checkpoints signed.
//!
//! Each turn:
//! 1. enter what has been committed, batch after batch, unless another replica does;
//! 2. if rows were added since the last checkpoint and ten seconds have passed, or an hour without any: sign the tree
//!    with the audit key in use, verify what was signed, and store it.
//!
//! At its end a replica does both once more, without the ten seconds.
//!
//! Killed anywhere, the next turn of any replica goes on: what was entered is one transaction, and a checkpoint that
//! was not stored was never given away.

use std::time::Duration;

use crate::audit::{ChainError, Checkpoint, Frontier, NoteKey, SignedCheckpoint};
use crate::base::UnixTime;
use crate::keyring::{Purpose, signer};
use crate::ports::{PortError, PortResult, StoredCheckpoint};

use super::Provider;

/// Between two checkpoints of a log that grows.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(10);
/// Between two checkpoints of a log that does not: that nothing came is remembered too.
const CHECKPOINT_AT_LEAST: Duration = Duration::from_hours(1);
/// Rows of one transaction.
const BATCH: u32 = 1000;
/// Batches of one turn; a long backlog takes several turns.
const BATCHES: u32 = 20;
/// The algorithm of the audit key.
const ALGORITHM: &str = "EdDSA";

/// How the log stands after a turn of this replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProgress {
    /// Rows of the log.
    pub size: u64,
    /// How long the oldest row that still waits has been waiting.
    pub lag: Duration,
    /// Lanes that cannot go on: a row was changed or taken away before it entered.
    pub held: Vec<ChainError>,
}

impl Provider {
    /// A turn of ordering and signing; none when another replica is at it.
    pub async fn sequence_audit(&self) -> PortResult<Option<LogProgress>> {
        let mut progress = None;
        for _ in 0..BATCHES {
            // 1
            let Some(done) = self.ports.audit_log.sequence(BATCH).await? else { return Ok(progress) };
            let now = self.now();
            let more = done.entered >= u64::from(BATCH);
            progress = Some(LogProgress {
                size: done.size,
                lag: done.oldest_waiting.map_or(Duration::ZERO, |oldest| now.since(oldest)),
                held: done.held,
            });
            if !more {
                break;
            }
        }
        self.sign_checkpoint(Due::ByTime).await?;
        Ok(progress)
    }

    /// At the end of this replica: everything written is ordered and signed. False when another replica was at it
    /// meanwhile, or rows cannot enter: to be tried again as long as there is time.
    pub async fn conclude_audit(&self) -> PortResult<bool> {
        loop {
            let Some(done) = self.ports.audit_log.sequence(BATCH).await? else { return Ok(false) };
            if done.entered == 0 {
                break;
            }
        }
        self.sign_checkpoint(Due::IfGrown).await
    }

    /// 2
    async fn sign_checkpoint(&self, due: Due) -> PortResult<bool> {
        let log = &*self.ports.audit_log;
        let last = log.last_checkpoint().await?;
        let tree = log.tree().await?;
        let now = self.now();
        if !is_due(last.as_ref(), &tree, now, due)? {
            return Ok(true);
        }
        let checkpoint = Checkpoint {
            origin: Checkpoint::origin_of(&self.policy.issuer),
            size: tree.size(),
            root: tree.root(),
            at: last.as_ref().map_or(now, |last| now.max(last.at)),
        };
        let note = self.signed_note(&checkpoint).await?;
        let number = last.map_or(0, |last| last.number.saturating_add(1));
        let Checkpoint { size, root, at, .. } = checkpoint;
        // False: another replica has signed this one. Ours is forgotten.
        log.keep_checkpoint(&StoredCheckpoint { number, size, root, at, note }).await
    }

    async fn signed_note(&self, checkpoint: &Checkpoint) -> PortResult<String> {
        let corrupt = |error| PortError::Corrupt(format!("the audit key: {error}"));
        let records = self.ports.keys.list().await?;
        let key = signer(&records, Purpose::Audit, ALGORITHM)
            .ok_or_else(|| PortError::Unavailable(String::from("no audit key is active")))?;
        let public = key.public_jwk.clone().unwrap_or_default();
        let note_key = NoteKey::from_jwk(&checkpoint.origin, &public).map_err(corrupt)?;
        let signature = self.ports.signer.sign(&key.kid, checkpoint.text().as_bytes()).await?;
        let note = checkpoint.signed(&note_key, &signature);
        let said = SignedCheckpoint::parse(&note).map_err(corrupt)?;
        said.verify(&[note_key]).map_err(corrupt)?;
        Ok(note)
    }
}

/// When a checkpoint is signed.
#[derive(Clone, Copy)]
enum Due {
    /// Once enough time has passed.
    ByTime,
    /// Whenever there are rows that the last one does not cover.
    IfGrown,
}

/// A log that signed more than it has, or something else, signs nothing: it would have two heads.
fn is_due(last: Option<&StoredCheckpoint>, tree: &Frontier, now: UnixTime, due: Due) -> PortResult<bool> {
    let Some(last) = last else { return Ok(tree.size() > 0) };
    if tree.size() < last.size || (tree.size() == last.size && tree.root() != last.root) {
        return Err(PortError::Corrupt(format!(
            "the audit log has {} entries and another root than its checkpoint of {}: sceau audit verify",
            tree.size(),
            last.size
        )));
    }
    let grown = tree.size() > last.size;
    let interval = if grown { CHECKPOINT_EVERY } else { CHECKPOINT_AT_LEAST };
    Ok(match due {
        Due::ByTime => now.since(last.at) >= interval,
        Due::IfGrown => grown,
    })
}
