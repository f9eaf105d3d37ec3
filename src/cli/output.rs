//! What commands print: results on standard output, what is wrong on standard error.
//!
//! A reader that has gone (`sceau … | head`) is no failure.

use std::fmt::Display;
use std::io::Write as _;

/// One line of a result.
pub fn line(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A result for programs: one JSON document, on one line.
pub fn json(value: &serde_json::Value) {
    line(format_args!("{value}"));
}

/// What is wrong, in one sentence.
pub fn error(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "sceau: {text}");
}
