//! `sceau restore`: what has to be done once after a backup of the database was put back.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use crate::flow::{Restored, TrustedKeys};
use crate::ports::HighWater;

use super::open::Target;
use super::{output, outside};

/// Arguments of `sceau restore`.
#[derive(Clone, Debug, clap::Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    target: Target,
    /// Checkpoints kept outside the database, a file or a folder: they tell what the backup has forgotten; may be given
    /// several times
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sceau restore`.
pub async fn run(args: RestoreArgs) -> ExitCode {
    match restore(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::failed(&error),
    }
}

async fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let app = args.target.open().await?;
    let keys = TrustedKeys::OfDatabase(app.provider.ports.audit_log.audit_keys().await?);
    let mut seen = None;
    for path in &args.checkpoints {
        let newest = outside::newest(path, &keys).with_context(|| format!("reading {}", path.display()))?;
        seen = further(seen, newest);
    }
    let last = app.provider.ports.audit_log.last_checkpoint().await?;
    let restored = app.provider.end_before_restore().await?;
    app.close().await;
    let seen = further(seen, restored.seen);
    let forgotten = seen.map_or(0, |seen| seen.entries.saturating_sub(restored.entries));
    if args.json {
        output::json(&json!({
            "ended_up_to": restored.at.rfc3339(),
            "entries": restored.entries,
            "last_checkpoint_at": last.map(|last| last.at.rfc3339()),
            "seen_entries": seen.map(|seen| seen.entries),
            "seen_at": seen.map(|seen| seen.at.rfc3339()),
            "forgotten_entries": forgotten,
        }));
        return Ok(());
    }
    tell(&restored);
    let since = last.map_or_else(|| String::from("its beginning"), |last| last.at.rfc3339());
    match seen {
        Some(seen) if forgotten > 0 => output::line(format_args!(
            "The audit log here ends with {} entries, and {} were seen on {}: {forgotten} are missing, from {since} on.",
            restored.entries,
            seen.entries,
            seen.at.rfc3339()
        )),
        Some(seen) => output::line(format_args!(
            "Nothing is missing of the {} entries of the audit log seen on {}.",
            seen.entries,
            seen.at.rfc3339()
        )),
        None => output::line(format_args!(
            "Nothing tells how much is missing after {since}: give --checkpoints, or ask the SIEM."
        )),
    }
    output::line(AGAIN);
    Ok(())
}

fn tell(restored: &Restored) {
    output::line(format_args!(
        "Ended: every session, grant, code, refresh token and access token up to {}. Everybody signs in again.",
        restored.at.rfc3339()
    ));
}

/// The one with more entries.
fn further(one: Option<HighWater>, other: Option<HighWater>) -> Option<HighWater> {
    one.into_iter().chain(other).max_by_key(|seen| seen.entries)
}

const AGAIN: &str = "Phones, persons, clients and keys are as they were in the backup. What was done since has to be done again, \
from the audit events that left the database (sceau audit export, SIEM):
  device.revoked       sceau devices revoke ID
  person.locked        sceau persons lock ID
  client.disabled      sceau clients disable ID
  key.revoked          sceau keys revoke KID
  device.enrolled      the person enrols the phone again
  directory.import     sceau directory import FILE";
