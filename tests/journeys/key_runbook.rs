//! The runbook of `keys/README.md`: its commands are run as they stand, on a new store for each block, and print what it
//! says, with other keys, times and numbers.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sceau::base::{Clock as _, SystemClock};
use serde_json::Value;

const RUNBOOK: &str = include_str!("../../keys/README.md");

/// What a command says: standard output, then its own sentences on standard error.
fn said(settings: &Path, words: &[String]) -> (Vec<String>, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_sceau"))
        .args(words)
        .env("SCEAU_CONFIG", settings)
        .env("SCEAU_LOG", "warn")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    let sentences = error.lines().filter(|line| line.starts_with("sceau: "));
    (out.lines().chain(sentences).map(str::to_owned).collect(), output.status.code().unwrap())
}

/// A store of its own, and the settings that name it.
fn store(folder: &Path) -> std::path::PathBuf {
    let (settings, home) = (folder.join("sceau.toml"), folder.display());
    let toml = format!(
        "issuer = \"http://localhost:8080\"\n[storage]\nsql = \"sqlite://{home}/db\"\n[keys]\nkek_file = \"{home}/kek\"\n"
    );
    std::fs::write(&settings, toml).unwrap();
    settings
}

/// What is at least as long as an identifier becomes KID, a time TIME, a number N.
fn shape(line: &str) -> String {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "_-:".contains(letter);
    let mut shaped = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        let end = rest[..end].trim_end_matches(':').len();
        let (word, after) = rest.split_at(end);
        let time = word.len() == 20 && word.ends_with('Z') && word.contains('T');
        match word.len() {
            43 | 22 => shaped.push_str("KID"),
            _ if time => shaped.push_str("TIME"),
            1.. if word.bytes().all(|byte| byte.is_ascii_digit()) => shaped.push('N'),
            _ => shaped.push_str(word),
        }
        let mut letters = after.chars();
        shaped.extend(letters.next());
        rest = letters.as_str();
    }
    shaped.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a command line, without `sceau`.
fn words(line: &str, settings: &Path) -> Vec<String> {
    let now = SystemClock.now();
    let mut line = line.strip_prefix("sceau ").unwrap().to_owned();
    let (week, day) = (Duration::from_hours(7 * 24 + 1), Duration::from_hours(24));
    line = line
        .replace("$IN_A_WEEK", &now.plus(week).rfc3339())
        .replace("$YESTERDAY", &now.minus(day).rfc3339());
    for (name, state) in [("$ACTIVE", "active"), ("$STANDBY", "staged")] {
        if line.contains(name) {
            line = line.replace(name, &kid(settings, state));
        }
    }
    let quoted = line.split('"').enumerate();
    let words = quoted.flat_map(|(at, part)| match at % 2 {
        1 => vec![part.to_owned()],
        _ => part.split_whitespace().map(str::to_owned).collect(),
    });
    words.collect()
}

fn kid(settings: &Path, state: &str) -> String {
    let (lines, _) = said(settings, &["keys", "status", "--json"].map(str::to_owned));
    let status: Value = serde_json::from_str(&lines[0]).unwrap();
    let keys = status["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["use"] == "sign" && key["state"] == state).unwrap();
    key["kid"].as_str().unwrap().to_owned()
}

/// Lines as expected, where `...` stands for any number of them.
fn matches(told: &[String], expected: &[String]) -> bool {
    match expected.split_first() {
        None => told.is_empty(),
        Some((first, rest)) if first == "..." => (0..=told.len()).any(|skip| matches(&told[skip..], rest)),
        Some((first, rest)) => told.first() == Some(first) && matches(&told[1..], rest),
    }
}

#[test]
fn every_command_prints_what_the_runbook_says() {
    let mut run = 0;
    for block in RUNBOOK.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = store(folder.path());
        for part in block.split("$ sceau ").skip(1) {
            let (command, expected) = part.split_once('\n').unwrap();
            let line = format!("sceau {command}");
            let (told, status) = said(&settings, &words(&line, &settings));
            let (shaped, expected): (Vec<_>, Vec<_>) =
                (told.iter().map(|line| shape(line)).collect(), expected.lines().map(shape).collect());
            let empty = expected.is_empty() && line.contains("export-jwks");
            assert!(empty || matches(&shaped, &expected), "$ {line}\n{}", told.join("\n"));
            let refused = expected.iter().any(|line| line.starts_with("sceau: "));
            assert_eq!(status, i32::from(refused), "$ {line}");
            run += 1;
        }
    }
    assert!(run >= 12, "{run} commands");
}

#[test]
fn refusals_are_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let settings = store(folder.path());
    let pairwise = {
        let (lines, _) = said(&settings, &["keys", "status", "--json"].map(str::to_owned));
        let status: Value = serde_json::from_str(&lines[0]).unwrap();
        let keys = status["keys"].as_array().unwrap();
        keys.iter().find(|key| key["use"] == "pairwise").unwrap()["kid"].as_str().unwrap().to_owned()
    };
    let two = "--officer A --offline --second-officer B --yes";
    let table = [
        (String::from("revoke $ACTIVE --officer A"), "nothing was changed: there is no terminal to ask on"),
        (String::from("revoke nobody --officer A --yes"), "no key has this identifier"),
        // One kid in 64 begins with a hyphen.
        (String::from("revoke -hobody --officer A --yes"), "no key has this identifier"),
        (String::from("activate --nobody --officer A --offline --second-officer B --yes"), "no key has this"),
        (format!("revoke {pairwise} --officer A --yes"), "pairwise keys are never replaced"),
        (String::from("revoke $ACTIVE --since $IN_A_WEEK --officer A --yes"), "--since is in the future"),
        (String::from("revoke $ACTIVE --officer \" \" --yes"), "--officer: must be said"),
        (format!("activate $ACTIVE {two}"), "only a staged key can be activated"),
        (
            String::from("activate $STANDBY --officer A --offline --second-officer A --yes"),
            "it takes two persons",
        ),
        (String::from("retire $STANDBY --officer A --yes"), "only the active key is retired"),
        (format!("stage {two}"), "there is one standby at a time"),
        (format!("stage --use cookie --algorithm HS256 {two}"), "nothing uses cookie keys: none is made"),
        (format!("stage --algorithm PS256 {two}"), "the key policy does not keep PS256"),
        (format!("stage --activate-at $YESTERDAY {two}"), "the key cannot be activated before"),
    ];
    for (line, sentence) in table {
        let line = format!("sceau keys {line}");
        let (told, status) = said(&settings, &words(&line, &settings));
        assert_eq!(status, 1, "{line}: {told:?}");
        assert!(
            told.iter().any(|told| told.starts_with("sceau: ") && told.contains(sentence)),
            "{line}: {told:?}"
        );
    }
    let (_, usage) = said(&settings, &words("sceau keys activate $STANDBY --officer A --yes", &settings));
    assert_eq!(usage, 64, "two persons");
    let (_, intact) = said(&settings, &words("sceau keys verify", &settings));
    assert_eq!(intact, 0, "nothing of it changed anything");
}

/// An incident may have taken Redis too.
#[test]
fn commands_need_the_database_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = store(folder.path());
    let toml = std::fs::read_to_string(&settings).unwrap();
    // Nobody listens there.
    std::fs::write(&settings, toml.replace("[keys]", "redis = \"redis://127.0.0.1:1\"\n[keys]")).unwrap();
    for line in [
        "status",
        "plan",
        "verify",
        "export-jwks",
        "stage --activate-at $IN_A_WEEK --officer A --offline --second-officer B --yes",
        "activate $STANDBY --officer A --offline --second-officer B --yes",
        "revoke $ACTIVE --since $YESTERDAY --officer A --yes",
        // The officers' names too are under the key of stored values.
        "reseal",
    ] {
        let (told, status) = said(&settings, &words(&format!("sceau keys {line}"), &settings));
        assert_eq!(status, 0, "{line}: {told:?}");
    }
    let (told, status) = said(&settings, &words("sceau clients list", &settings));
    assert!(status == 1 && told.concat().contains("Redis"), "what does need it says so: {told:?}");
}

#[test]
fn programs_read_json() {
    let folder = tempfile::tempdir().unwrap();
    let settings = store(folder.path());
    for (line, member) in [
        ("status", "keys"),
        ("plan", "steps"),
        ("export-jwks", "keys"),
        ("verify", "intact"),
        ("drill", "seconds_to_last_acceptance"),
        ("stage --activate-at $IN_A_WEEK --officer A --offline --second-officer B --yes", "planned_at"),
        ("activate $STANDBY --officer A --offline --second-officer B --yes", "active"),
        ("revoke $ACTIVE --officer A --yes", "sessions_ended"),
    ] {
        let line = format!("sceau keys {line} --json");
        let (told, status) = said(&settings, &words(&line, &settings));
        assert_eq!((told.len(), status), (1, 0), "{line}: {told:?}");
        let json: Value = serde_json::from_str(&told[0]).unwrap();
        assert!(!json[member].is_null(), "{line}: {json}");
    }
}
