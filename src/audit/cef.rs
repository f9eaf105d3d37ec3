//! Records in the Common Event Format (CEF), version 0, which collectors of security events read.
//!
//! Escaping: `\` and `|` in the header; `\`, `=` and line ends in the extension. No personal value, and no hash of one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::EventKind;

/// The line of a record: `index` in the log, members as stored.
#[must_use]
pub fn cef(index: u64, record: &BTreeMap<String, String>) -> String {
    let member = |name: &str| record.get(name).map_or("", String::as_str);
    let kind = member("kind");
    let name = kind.replace(['.', '_'], " ");
    let mut line = format!(
        "CEF:0|sceau|sceau|{}|{}|{}|{}|",
        header(env!("CARGO_PKG_VERSION")),
        header(kind),
        header(&name),
        severity(kind, member("decision")),
    );
    let outcome = if member("decision") == "success" { "success" } else { "failure" };
    let index = index.to_string();
    let (counts, others) = (listed(record, is_count), listed(record, is_other));
    let pairs = [
        ("rt", member("at")),
        ("externalId", member("id")),
        ("outcome", outcome),
        ("reason", member("reason")),
        ("suid", member("person")),
        ("requestClientApplication", member("client")),
        ("deviceExternalId", member("device")),
        ("sourceServiceName", member("actor")),
    ];
    let labelled = [
        ("cn1", "logIndex", index.as_str()),
        ("cs1", "transaction", member("txn")),
        ("cs2", "acr", member("acr")),
        ("cs3", "counts", counts.as_str()),
        ("cs4", "others", others.as_str()),
    ];
    let mut said: Vec<String> = Vec::new();
    for (key, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        said.push(format!("{key}={}", extension(value)));
    }
    for (key, label, value) in labelled.into_iter().filter(|(_, _, value)| !value.is_empty()) {
        said.push(format!("{key}Label={label} {key}={}", extension(value)));
    }
    line.push_str(&said.join(" "));
    line
}

/// 0 to 10: what is done, what is refused, and what somebody must look at.
fn severity(kind: &str, decision: &str) -> u8 {
    match EventKind::from_stored(kind) {
        Some(
            EventKind::CodeReplay
            | EventKind::TokenReplay
            | EventKind::ApprovalReported
            | EventKind::KeyRevoked
            | EventKind::LogLinesDropped,
        ) => 8,
        _ if decision == "success" => 3,
        _ => 5,
    }
}

fn is_count(name: &str) -> bool {
    name.starts_with("count.")
}

/// Members that have no place of their own here: those of newer records. What places the record in its lane says
/// nothing to a collector.
fn is_other(name: &str) -> bool {
    const PLACED: [&str; 14] = [
        "v", "id", "at", "kind", "decision", "reason", "actor", "person", "client", "device", "txn", "acr",
        "prev", "seq",
    ];
    !PLACED.contains(&name) && name != "writer" && !is_count(name) && !name.starts_with("personal.")
}

fn listed(record: &BTreeMap<String, String>, wanted: fn(&str) -> bool) -> String {
    let mut text = String::new();
    for (name, value) in record.iter().filter(|(name, _)| wanted(name)) {
        let space = if text.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = write!(text, "{space}{name}={value}");
    }
    text
}

fn header(text: &str) -> String {
    text.replace(['\r', '\n'], " ").replace('\\', "\\\\").replace('|', "\\|")
}

fn extension(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('=', "\\=");
    escaped.replace('\n', "\\n").replace('\r', "\\r")
}
