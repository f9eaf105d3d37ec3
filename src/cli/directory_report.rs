//! What `sceau directory` says: a bar on a terminal, refused lines as they are met, and the numbers at the end.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::base::UnixTime;
use crate::flow::{ImportError, ImportObserver, ImportReport, MergeReport};
use crate::identity::{DirectoryCounts, LineError, Wholeness};
use crate::ports::{DirectoryRun, RunNumbers, RunState};

use super::output;

/// Refused lines named in JSON; more are only counted.
const NAMED: usize = 10_000;

/// Follows an import.
pub(super) struct Watcher {
    json: bool,
    bar: ProgressBar,
    bytes: u64,
    rejected: Vec<String>,
}

impl Watcher {
    /// `bytes` of text will be read. The bar is drawn on a terminal alone.
    pub(super) fn new(json: bool, bytes: u64) -> Self {
        let bar = ProgressBar::new(bytes);
        bar.set_draw_target(if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
        if let Ok(style) = ProgressStyle::with_template("{msg:<12} [{bar:40}] {percent:>3} %  {elapsed}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { json, bar, bytes, rejected: Vec::new() }
    }

    pub(super) fn finish(self, outcome: Result<ImportReport, ImportError>) -> anyhow::Result<ExitCode> {
        self.bar.finish_and_clear();
        match outcome {
            Ok(report) => {
                let clean = report.numbers.rejected == 0;
                self.tell("applied", &report.numbers);
                Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(2) })
            }
            Err(ImportError::Refused { percent, numbers }) => {
                if self.json {
                    self.tell("refused", &numbers);
                } else {
                    refusal(percent, &numbers);
                }
                Ok(ExitCode::from(2))
            }
            Err(error) => refused_or_failed(error),
        }
    }

    pub(super) fn finish_merge(self, outcome: Result<MergeReport, ImportError>) -> anyhow::Result<ExitCode> {
        self.bar.finish_and_clear();
        let report = match outcome {
            Ok(report) => report,
            Err(error) => return refused_or_failed(error),
        };
        if self.json {
            output::json(&json!({
                "lines": report.lines, "rejected": self.rejected, "moved": report.moved, "merged": report.merged,
                "both_used": report.both_used, "noted": report.noted, "unchanged": report.unchanged,
            }));
        } else {
            output::line(format_args!(
                "{} lines: {} persons moved, {} merged ({} of them used on both sides), {} noted, {} unchanged, {} lines rejected",
                report.lines,
                report.moved,
                report.merged,
                report.both_used,
                report.noted,
                report.unchanged,
                report.rejected
            ));
        }
        Ok(if report.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }

    fn tell(&self, state: &str, numbers: &RunNumbers) {
        if self.json {
            output::json(&described(state, numbers, vec![("rejected", json!(self.rejected))]));
            return;
        }
        lines(numbers, &numbers.done);
    }
}

impl ImportObserver for Watcher {
    fn read(&mut self, _lines: u64, bytes: u64) {
        if self.bytes > 0 {
            self.bar.set_message("reading");
            self.bar.set_position(bytes.min(self.bytes));
        }
    }

    fn rejected(&mut self, error: &LineError) {
        if self.json {
            if self.rejected.len() < NAMED {
                self.rejected.push(error.to_string());
            }
        } else {
            self.bar.suspend(|| output::error(error));
        }
    }

    fn compared(&mut self, persons: u64) {
        self.bar.set_length(0);
        self.bar.set_message(format!("comparing {persons}"));
    }

    fn applied(&mut self, done: DirectoryCounts, planned: DirectoryCounts) {
        self.bar.set_message("applying");
        self.bar.set_length(planned.changed());
        self.bar.set_position(done.changed());
    }
}

/// `sceau directory status`.
pub(super) fn run(run: &DirectoryRun, as_json: bool) {
    let numbers = &run.numbers;
    if as_json {
        let more = vec![
            ("run", json!(run.id.to_string())),
            ("began", json!(run.began.millis())),
            ("ended", json!(run.ended.map(UnixTime::millis))),
        ];
        output::json(&described(run.state.as_str(), numbers, more));
        return;
    }
    output::line(format_args!("run      {}", run.id));
    output::line(format_args!("state    {}: {}", run.state.as_str(), hint(run.state)));
    let planned = &numbers.planned;
    output::line(format_args!("planned  {}", counts(planned)));
    output::line(format_args!("changed  {}", counts(&numbers.done)));
    output::line(format_args!("file     {} lines, {} rejected", numbers.size.lines, numbers.rejected));
}

/// No import yet.
pub(super) fn nothing(as_json: bool) {
    if as_json {
        output::json(&json!({ "state": Value::Null }));
    } else {
        output::line("No import yet: see `sceau directory import --help`.");
    }
}

/// `sceau directory discard`.
pub(super) fn discarded(run: &DirectoryRun, as_json: bool) {
    if as_json {
        output::json(&described(RunState::Discarded.as_str(), &run.numbers, Vec::new()));
    } else {
        output::line(format_args!("{}: given up. It had changed: {}", run.id, counts(&run.numbers.done)));
    }
}

const fn hint(state: RunState) -> &'static str {
    match state {
        RunState::Staging => {
            "the file is being read; after an interruption, `import --resume FILE` reads it again"
        }
        RunState::Staged => "the file was read; after an interruption, `import --resume` goes on",
        RunState::Refused => {
            "nothing was changed; `import --resume --allow-share PERCENT` goes on all the same"
        }
        RunState::Applying => "persons are being changed; after an interruption, `import --resume` goes on",
        RunState::Applied => "done",
        RunState::Discarded => "given up",
    }
}

fn refusal(percent: u8, numbers: &RunNumbers) {
    let planned = &numbers.planned;
    output::error(format_args!(
        "this import would change {} of {} persons stored, and {percent} % are allowed; nothing was changed",
        planned.changed(),
        numbers.stored
    ));
    output::error(format_args!("it would be: {}", counts(planned)));
    output::error("to go on all the same: sceau directory import --resume --allow-share PERCENT");
}

fn lines(numbers: &RunNumbers, done: &DirectoryCounts) {
    let size = numbers.size;
    output::line(format_args!(
        "{} lines, {} persons: {}; {} lines rejected",
        size.lines,
        size.persons,
        counts(done),
        numbers.rejected
    ));
    if numbers.luhn_warnings > 0 {
        output::error(format_args!(
            "warning: {} RPPS numbers fail their check digit; they were imported",
            numbers.luhn_warnings
        ));
    }
    if numbers.wholeness != Wholeness::Whole {
        output::error(format_args!(
            "warning: {}; nobody was deactivated, {} persons are not in it",
            numbers.wholeness, numbers.spared
        ));
    }
}

fn counts(counts: &DirectoryCounts) -> String {
    format!(
        "{} created, {} updated, {} deactivated, {} unchanged",
        counts.created, counts.updated, counts.deactivated, counts.unchanged
    )
}

fn described(state: &str, numbers: &RunNumbers, more: Vec<(&str, Value)>) -> Value {
    let (planned, done) = (&numbers.planned, &numbers.done);
    let mut value = json!({
        "state": state,
        "lines": numbers.size.lines,
        "persons": numbers.size.persons,
        "stored": numbers.stored,
        "created": done.created,
        "updated": done.updated,
        "deactivated": done.deactivated,
        "unchanged": done.unchanged,
        "planned": planned,
        "rejected_count": numbers.rejected,
        "luhn_warnings": numbers.luhn_warnings,
        "file": numbers.wholeness.as_str(),
        "spared": numbers.spared,
    });
    if let Some(members) = value.as_object_mut() {
        members.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    value
}

/// What the file or the operator is to blame for ends with 2; the rest with 1.
fn refused_or_failed(error: ImportError) -> anyhow::Result<ExitCode> {
    let advice = match &error {
        ImportError::Layout(_) | ImportError::Source(_) => "nothing was changed",
        ImportError::Busy => {
            "see `sceau directory status`; `import --resume` goes on with it, `discard` gives it up"
        }
        ImportError::NotStaged => "give the file again: `sceau directory import --resume FILE`",
        ImportError::NothingToResume => "see `sceau directory status`",
        _ => return Err(error.into()),
    };
    output::error(format_args!("{error}; {advice}"));
    Ok(ExitCode::from(2))
}
