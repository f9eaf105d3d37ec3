//! The audit log: that rows are ordered, signed by a checkpoint, and that checkpoints arrive outside.

use std::path::Path;
use std::time::Duration;

use super::super::outside::newest;
use super::Diagnosis;
use crate::base::{AuditId, Clock as _, OsEntropy, SystemClock, UnixTime};
use crate::config::Config;
use crate::flow::TrustedKeys;
use crate::ports::{AuditLog, PortResult, StoredCheckpoint};

const CHECK: &str = "audit log";
/// Rows that wait longer are an alarm; a checkpoint may be as late on its way.
const ALARM: Duration = Duration::from_mins(5);
/// Rows are looked for as far back.
const BACK: Duration = Duration::from_hours(24);
/// Rows looked at in each of two places.
const ROWS: u32 = 1000;

/// The log, and the checkpoints kept on this machine.
pub(super) async fn examine(log: &dyn AuditLog, config: &Config) -> anyhow::Result<Vec<Diagnosis>> {
    let now = SystemClock.now();
    let Some(last) = log.last_checkpoint().await? else {
        let sentence =
            "no checkpoint was signed yet: `sceau serve` signs the first within seconds of its start";
        return Ok(vec![Diagnosis::warn(CHECK, sentence)]);
    };
    let size = log.tree().await?.size();
    // The beginning, and what has just become too old: a log that stopped long ago, or a while ago.
    let waits = waits(log, now.minus(BACK), now).await? || waits(log, now.minus(2 * ALARM), now).await?;
    let late = waits || (last.size < size && now.since(last.at) > ALARM);
    let mut told = vec![if late {
        let sentence = format!(
            "rows have been waiting for more than 5 min to be ordered and signed (last checkpoint {}): what happened since could be changed unseen; is `serve` running? then `sceau audit verify`",
            last.at
        );
        Diagnosis::wrong(CHECK, sentence)
    } else {
        Diagnosis::ok(CHECK, format!("{size} rows, signed up to {} at {}", last.size, last.at))
    }];
    let keys = TrustedKeys::OfDatabase(log.audit_keys().await?);
    let audit = &config.audit;
    for path in audit.checkpoint_files.iter().chain(&audit.checkpoint_folders) {
        told.push(arrived(path, &keys, (size, &last), now));
    }
    Ok(told)
}

/// Whether a row since `from`, older than five minutes, has no place in the log.
async fn waits(log: &dyn AuditLog, from: UnixTime, now: UnixTime) -> PortResult<bool> {
    let id = |at| AuditId::ordered(&OsEntropy, at);
    let rows = log.rows_between(id(from), id(now.minus(ALARM)), ROWS).await?;
    Ok(rows.iter().any(|(place, _)| place.is_none()))
}

fn arrived(
    path: &Path,
    keys: &TrustedKeys,
    (size, last): (u64, &StoredCheckpoint),
    now: UnixTime,
) -> Diagnosis {
    let check = "checkpoint places";
    let place = path.display();
    match newest(path, keys) {
        Err(error) => {
            let sentence = format!(
                "{place} cannot be read ({error}): whether checkpoints arrive there cannot be told; look at its rights"
            );
            Diagnosis::wrong(check, sentence)
        }
        Ok(Some(seen)) if seen.entries > size => {
            let sentence = format!(
                "{place} has seen {} rows of the audit log, and the database has {size}: it was cut or put back; `sceau audit verify`, and `sceau restore` if a backup was put back",
                seen.entries
            );
            Diagnosis::wrong(check, sentence)
        }
        Ok(seen) if seen.is_none_or(|seen| seen.entries < last.size) && now.since(last.at) > ALARM => {
            let sentence = format!(
                "{place} lacks the checkpoint of {}: what is there cannot prove that nothing was cut since; is `serve` running here, and is there room on the disk?",
                last.at
            );
            Diagnosis::wrong(check, sentence)
        }
        Ok(None) => {
            let sentence =
                format!("{place} has no checkpoint yet: ask again when `serve` has run for a minute");
            Diagnosis::warn(check, sentence)
        }
        Ok(Some(seen)) => Diagnosis::ok(check, format!("{place} has the checkpoint of {}", seen.at)),
    }
}
