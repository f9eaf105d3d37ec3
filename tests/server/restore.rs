//! `sceau restore` as an operator meets it: it says what will happen, and does it to who agrees.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn sceau(settings: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sceau"))
        .args(words)
        .env("SCEAU_CONFIG", settings)
        .env("SCEAU_LOG", "error")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Restores that the audit log knows of.
fn restored(settings: &Path) -> usize {
    let found = sceau(settings, &["audit", "search", "--kind", "database.restored", "--json"]);
    let (code, rows, error) = told(&found);
    // 2: none.
    assert!(code == Some(0) || (code, rows.as_str()) == (Some(2), ""), "{error}");
    rows.lines().count()
}

#[test]
fn restore_says_what_will_happen_and_does_it_to_who_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, home) = (folder.path().join("sceau.toml"), folder.path().display());
    let toml = format!(
        "issuer = \"http://localhost:8080\"\n[storage]\nsql = \"sqlite://{home}/db\"\n[keys]\nkek_file = \"{home}/kek\"\n"
    );
    std::fs::write(&settings, toml).unwrap();

    // A mistyped database is not made.
    let (code, _, error) = told(&sceau(&settings, &["restore", "--yes"]));
    assert_eq!((code, error.as_str()), (Some(1), format!("sceau: {home}/db does not exist\n").as_str()));
    assert!(!folder.path().join("db").exists());
    assert!(sceau(&settings, &["clients", "list"]).status.success(), "makes the database");

    // Nobody can be asked.
    let (code, words, error) = told(&sceau(&settings, &["restore"]));
    assert_eq!(code, Some(1));
    assert!(words.starts_with("This is the database of http://localhost:8080.\n"), "{words}");
    for part in ["Nothing tells how much is missing", "issued until now ends: everybody signs in again"] {
        assert!(words.contains(part), "{words}");
    }
    assert_eq!(
        error,
        "sceau: nothing was changed: there is no terminal to ask on, and --yes was not given\n"
    );
    let (code, words, error) = told(&sceau(&settings, &["restore", "--json"]));
    assert_eq!((code, words.as_str()), (Some(1), ""));
    assert!(error.contains("issued until now ends"), "{error}");

    // What is to tell how much is missing tells nothing.
    let other = folder.path().join("other");
    std::fs::write(&other, "no checkpoint\n").unwrap();
    for (path, why) in [
        (format!("{home}/nowhere"), "does not exist"),
        (other.display().to_string(), "has no checkpoint that a key of this database signed"),
    ] {
        let (code, _, error) = told(&sceau(&settings, &["restore", "--yes", "--checkpoints", &path]));
        assert_eq!((code, error), (Some(1), format!("sceau: --checkpoints: {path} {why}\n")));
    }
    assert_eq!(restored(&settings), 0);

    let (code, words, error) = told(&sceau(&settings, &["restore", "--yes"]));
    assert_eq!(code, Some(0), "{error}");
    assert!(words.contains("Ended: every session") && words.contains("sceau devices revoke ID"), "{words}");
    assert_eq!(restored(&settings), 1);
    let (code, words, error) = told(&sceau(&settings, &["restore", "--yes", "--json"]));
    assert_eq!(code, Some(0), "{error}");
    let answer: Value = serde_json::from_str(&words).unwrap();
    assert_eq!(answer["forgotten_entries"], 0);
    assert_eq!(restored(&settings), 2);
}
