//! What commands print: results on standard output, what is wrong on standard error.
//!
//! A reader that has gone (`sceau … | head`) is no failure.

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use serde_json::Value;

use super::config::EX_CONFIG;
use crate::config::ConfigError;
use crate::flow::OperatorOutcome;

/// One line of a result.
pub fn line(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A result for programs: one JSON document, on one line.
pub fn json(value: &Value) {
    line(format_args!("{value}"));
}

/// What is wrong, in one sentence.
pub fn error(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "sceau: {text}");
}

/// What a program that reads standard output is not to read.
pub fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says why a command failed. Settings that cannot be used have an exit code of their own: starting again would not help.
#[must_use]
pub fn failed(error: &anyhow::Error) -> ExitCode {
    self::error(format_args!("{error:#}"));
    let settings = error.downcast_ref::<ConfigError>().is_some();
    if settings { ExitCode::from(EX_CONFIG) } else { ExitCode::FAILURE }
}

/// A JSON object as lines of names and values.
pub fn members(value: &Value) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        line(format_args!("{name:<30} {text}"));
    }
}

/// What became of a change: `done` is its word, such as `locked`.
pub fn changed(as_json: bool, (name, id): (&str, &str), (done, outcome): (&str, OperatorOutcome)) {
    let now = outcome == OperatorOutcome::Done;
    if as_json {
        json(&serde_json::json!({ name: id, "state": done, "changed": now }));
    } else {
        line(format_args!("{id}: {}{done}", if now { "" } else { "already " }));
    }
}

/// Nothing has the identifier given, which is not repeated: it may be an identity number.
#[must_use]
pub fn not_found(what: &str) -> ExitCode {
    error(format_args!("no {what} has this identifier"));
    ExitCode::from(2)
}
