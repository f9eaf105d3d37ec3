//! What a command says: lines for people, or one JSON document for programs.

use std::io::{self, Write as _};

use serde_json::Value;

/// Writes one line to standard output. A closed pipe is nobody's fault.
pub fn line(text: &str) {
    drop(writeln!(io::stdout().lock(), "{text}"));
}

/// Writes one JSON document and a line end to standard output.
pub fn json(value: &Value) {
    drop(writeln!(io::stdout().lock(), "{value}"));
}

/// Writes one line to standard error.
pub fn error(text: &str) {
    drop(writeln!(io::stderr().lock(), "sceau: {text}"));
}
