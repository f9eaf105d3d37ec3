//! `sceau keys reseal`: what is stored, sealed anew under the keys in use, and which earlier keys nothing needs.

use std::process::ExitCode;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::{Value, json};

use crate::adapter::sql::{KekCensus, ResealObserver, Resealed};
use crate::app::{ResealReport, SealKeyNeed};
use crate::keyring::SealKey;

use super::open::Target;
use super::output;

/// Arguments of `sceau keys reseal`.
#[derive(Clone, Debug, clap::Args)]
pub struct ResealArgs {
    #[command(flatten)]
    target: Target,
    /// Rows of one transaction
    #[arg(long, value_name = "ROWS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sceau keys reseal`.
pub async fn run(args: ResealArgs) -> ExitCode {
    match Box::pin(reseal(args)).await {
        Ok(report) => verdict(&report),
        Err(error) => output::failed(&error),
    }
}

async fn reseal(args: ResealArgs) -> anyhow::Result<ResealReport> {
    let app = args.target.open_keys().await?;
    let mut watcher = Watcher::new(args.json);
    let report = app.reseal(args.batch, &mut watcher).await;
    watcher.bar.finish_and_clear();
    let report = report.context("on PostgreSQL this command needs the role that owns the tables")?;
    if args.json {
        output::json(&document(&report));
    } else {
        print(&report);
    }
    app.close().await;
    Ok(report)
}

/// A line that is written over, on a terminal alone.
struct Watcher {
    bar: ProgressBar,
}

impl Watcher {
    fn new(json: bool) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
        Self { bar }
    }
}

impl ResealObserver for Watcher {
    fn walked(&mut self, sofar: &Resealed) {
        let Resealed { place, total, done, .. } = sofar;
        self.bar.set_message(format!("{place}: {done} sealed anew, {total} looked at"));
        self.bar.tick();
    }
}

/// Values that do not open are an answer (2); values left are a job to be run again (1).
fn verdict(report: &ResealReport) -> ExitCode {
    for column in &report.columns {
        for (row, reason) in &column.refused {
            output::error(format_args!("{} of {row}: {reason}; it stays as it is", column.place));
        }
    }
    if report.refused() > 0 {
        return ExitCode::from(2);
    }
    if report.left() > 0 {
        output::error(format_args!("{} values were in use all the time: run it again", report.left()));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn print(report: &ResealReport) {
    for column in &report.columns {
        output::line(format_args!(
            "{:<28} {:>9} sealed anew {:>9} already current {:>9} in all",
            column.place,
            column.done,
            column.already(),
            column.total
        ));
    }
    for (key, need) in &report.seal_keys {
        output::line(format_args!("seal key {} ({}): {}", key.number, key.kid, sentence(*need)));
    }
    if let Some(at) = report.settles_at {
        output::line(format_args!(
            "Until {} a replica may still seal under the key before: run this again then.",
            at.rfc3339()
        ));
    }
    output::line(format_args!("key-encryption key: {}", kek_sentence(&report.kek)));
}

const fn sentence(need: SealKeyNeed) -> &'static str {
    match need {
        SealKeyNeed::Seals => "seals",
        SealKeyNeed::Ahead => "ahead: seals once it is activated",
        SealKeyNeed::Values => "stored values may still be under it",
        SealKeyNeed::Indexes => {
            "no stored value is under it; the blind indexes are made with it, so it stays"
        }
        SealKeyNeed::Nothing => {
            "no stored value is under it: it can be forgotten once what Redis keeps has ended"
        }
    }
}

fn kek_sentence(census: &KekCensus) -> String {
    if !census.closed.is_empty() {
        return format!("{census}");
    }
    if census.other > 0 {
        return format!("{} private keys still need keys.kek_previous_file: run this again", census.other);
    }
    format!("all {} private keys are under keys.kek_file; no other one is needed", census.current)
}

fn document(report: &ResealReport) -> Value {
    let column = |column: &Resealed| {
        let refused =
            column.refused.iter().map(|(row, why)| json!({ "row": row, "reason": why.to_string() }));
        json!({
            "place": column.place, "resealed": column.done, "already_current": column.already(),
            "total": column.total, "left": column.left, "refused": refused.collect::<Vec<_>>(),
        })
    };
    let key = |(key, need): &(SealKey, SealKeyNeed)| json!({ "number": key.number, "kid": key.kid, "state": key.state.as_str(), "needed_for": need.as_str() });
    json!({
        "columns": report.columns.iter().map(column).collect::<Vec<_>>(),
        "seal_keys": report.seal_keys.iter().map(key).collect::<Vec<_>>(),
        "settles_at": report.settles_at.map(crate::base::UnixTime::rfc3339),
        "kek": {
            "current": report.kek.current, "previous": report.kek.other, "unopened": report.kek.closed.len(),
        },
    })
}
