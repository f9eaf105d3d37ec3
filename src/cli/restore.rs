//! `sceau restore`: what has to be done once after a backup of the database was put back.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use crate::app::App;
use crate::base::UnixTime;
use crate::flow::TrustedKeys;
use crate::ports::HighWater;

use super::asking::Asking;
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
    #[command(flatten)]
    asking: Asking,
}

/// Runs `sceau restore`.
pub async fn run(args: RestoreArgs) -> ExitCode {
    match restore(&args).await {
        Ok(code) => code,
        Err(error) => output::failed(&error),
    }
}

async fn restore(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open_old().await?;
    let found = look(&app, &args.checkpoints).await?;
    if !args.asking.agreed(&found.words(&app.provider.policy.issuer))? {
        return Ok(ExitCode::FAILURE);
    }
    let restored = app.provider.end_before_restore().await?;
    app.close().await;
    if args.asking.json {
        output::json(&json!({
            "ended_up_to": restored.at.rfc3339(),
            "entries": restored.entries,
            "last_checkpoint_at": found.last.map(UnixTime::rfc3339),
            "seen_entries": found.seen.map(|seen| seen.entries),
            "seen_at": found.seen.map(|seen| seen.at.rfc3339()),
            "forgotten_entries": found.forgotten(),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format_args!(
        "Ended: every session, grant, code, refresh token and access token up to {}. Everybody signs in again.",
        restored.at.rfc3339()
    ));
    output::line(AGAIN);
    Ok(ExitCode::SUCCESS)
}

/// What is known of the database before anything is done.
struct Found {
    /// Entries of its audit log.
    entries: u64,
    /// When its last checkpoint was made.
    last: Option<UnixTime>,
    /// What was seen of it before.
    seen: Option<HighWater>,
}

async fn look(app: &App, checkpoints: &[PathBuf]) -> anyhow::Result<Found> {
    let ports = &app.provider.ports;
    let keys = TrustedKeys::OfDatabase(ports.audit_log.audit_keys().await?);
    let mut seen = ports.high_water.read().await?;
    for path in checkpoints {
        anyhow::ensure!(path.exists(), "--checkpoints: {} does not exist", path.display());
        let newest = outside::newest(path, &keys).with_context(|| format!("reading {}", path.display()))?;
        let newest = newest.with_context(|| {
            format!("--checkpoints: {} has no checkpoint that a key of this database signed", path.display())
        })?;
        seen = further(seen, Some(newest));
    }
    let last = ports.audit_log.last_checkpoint().await?.map(|last| last.at);
    Ok(Found { entries: ports.audit_log.tree().await?.size(), last, seen })
}

impl Found {
    fn forgotten(&self) -> u64 {
        self.seen.map_or(0, |seen| seen.entries.saturating_sub(self.entries))
    }

    /// What is missing, and what will happen.
    fn words(&self, issuer: &str) -> Vec<String> {
        let since = self.last.map_or_else(|| String::from("its beginning"), UnixTime::rfc3339);
        let forgotten = self.forgotten();
        let missing = match self.seen {
            Some(seen) if forgotten > 0 => format!(
                "The audit log here ends with {} entries, and {} were seen on {}: {forgotten} are missing, from {since} on.",
                self.entries,
                seen.entries,
                seen.at.rfc3339()
            ),
            Some(seen) => format!(
                "Nothing is missing of the {} entries of the audit log seen on {}.",
                seen.entries,
                seen.at.rfc3339()
            ),
            None => {
                format!(
                    "Nothing tells how much is missing after {since}: give --checkpoints, or ask the SIEM."
                )
            }
        };
        vec![
            format!("This is the database of {issuer}."),
            missing,
            String::from(
                "Every session, grant, code, refresh token and access token issued until now ends: everybody signs in again. \
                 That cannot be taken back.",
            ),
        ]
    }
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
