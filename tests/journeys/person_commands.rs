//! `sceau persons show` and `unlink`: an operator reads and removes the links of a person.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sceau::app::App;
use sceau::audit::{AuditEvent, Decision, EventKind};
use sceau::base::{AuditId, LinkId, OsEntropy, PersonId, Secret};
use sceau::cli::config::ConfigFile;
use sceau::cli::open::open;
use sceau::federation::UpstreamKey;
use sceau::identity::PatientRef;
use sceau::ports::{Link, LinkOutcome, LinkedBy};
use serde_json::Value;

use super::federation_stage::provider;
use super::operator_commands::run;
use crate::support::CAMILLE;

/// Settings whose database holds two patients.
async fn settings(folder: &Path) -> PathBuf {
    let (path, home) = (folder.join("sceau.toml"), folder.display());
    let toml = format!(
        "issuer = \"http://localhost:8080\"\n[storage]\nsql = \"sqlite://{home}/db\"\n[keys]\nkek_file = \"{home}/kek\"\n\
         [patients]\nins = \"test\"\n"
    );
    std::fs::write(&path, toml).unwrap();
    let entries: Vec<Value> = serde_json::from_str(include_str!("../data/identities.json")).unwrap();
    let lines: Vec<String> = entries[..2].iter().map(|entry| entry["patient"].to_string()).collect();
    let file = folder.join("patients.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let line = ["patients", "import", file.to_str().unwrap()];
    assert_eq!(run(&line, path.to_str().unwrap()).await, Some(ended(0)));
    path
}

fn ended(code: u8) -> String {
    format!("{:?}", ExitCode::from(code))
}

async fn app(settings: &Path) -> App {
    open(&ConfigFile { path: Some(settings.to_owned()) }).await.unwrap().app
}

async fn patient(app: &App, reference: &str) -> PersonId {
    let reference = PatientRef::parse(reference).unwrap();
    app.provider.ports.patients.find(&reference).await.unwrap().unwrap().id
}

async fn linked(app: &App, reference: &str) -> LinkId {
    let at = app.provider.now();
    let link = Link {
        id: LinkId::random(&OsEntropy),
        person: patient(app, reference).await,
        provider: provider("fc"),
        key: UpstreamKey::new(String::from("https://fc.example"), Secret::new(format!("sub-of-{reference}"))),
        pivot: None,
        linked_at: at,
        by: LinkedBy::BothSides,
    };
    let id = AuditId::ordered(&OsEntropy, at);
    let event = AuditEvent::new(id, at, EventKind::UpstreamLinked, Decision::Success, "test");
    assert_eq!(app.provider.ports.links.link_proved(&link, &event).await.unwrap(), LinkOutcome::Linked);
    link.id
}

#[tokio::test]
async fn a_link_is_shown_and_removed_for_its_own_person() {
    let folder = tempfile::tempdir().unwrap();
    let path = settings(folder.path()).await;
    let settings = path.to_str().unwrap();
    let before = app(&path).await;
    let (own, others) = (linked(&before, "p-01").await, linked(&before, "p-02").await);
    let person = patient(&before, "p-01").await.to_string();
    before.close().await;
    let [own, others, unknown] = [own, others, LinkId::random(&OsEntropy)].map(|link| link.to_string());
    for json in [&[][..], &["--json"]] {
        for who in [&["--reference", "p-01"][..], &[person.as_str()]] {
            assert_eq!(run(&[&["persons", "show"], who, json].concat(), settings).await, Some(ended(0)));
        }
        assert_eq!(
            run(&[&["persons", "show", "--reference", "p-03"], json].concat(), settings).await,
            Some(ended(2))
        );
        // Nobody's, somebody else's, nobody at all.
        for (who, link) in [("p-01", &unknown), ("p-01", &others), ("p-03", &own)] {
            let line = ["persons", "unlink", "--reference", who, "--link", link];
            assert_eq!(run(&[&line[..], json].concat(), settings).await, Some(ended(2)), "{who}");
        }
    }
    assert_eq!(
        run(&["persons", "unlink", CAMILLE, "--link", &own], settings).await,
        Some(ended(2)),
        "another person"
    );
    for usage in [
        &["persons", "unlink", "--reference", "p-01"][..],
        &["persons", "unlink", "--link", &own],
        &["persons", "unlink", "--reference", "p-01", "--link", "x"],
        &["persons", "unlink", &person, "--reference", "p-01", "--link", &own],
    ] {
        assert_eq!(run(usage, settings).await, None, "{usage:?}");
    }
    let line = ["persons", "unlink", "--reference", "p-01", "--link", &own];
    assert_eq!(run(&line, settings).await, Some(ended(0)));
    assert_eq!(run(&line, settings).await, Some(ended(2)), "once");
    let line = ["persons", "unlink", "--reference", "p-02", "--link", &others, "--json"];
    let after = app(&path).await;
    let links =
        async |reference| after.provider.links_of(patient(&after, reference).await).await.unwrap().len();
    assert_eq!((links("p-01").await, links("p-02").await), (0, 1));
    assert_eq!(run(&line, settings).await, Some(ended(0)));
    assert_eq!(links("p-02").await, 0);
    let rows = after.provider.ports.audit.rows(None, 10_000).await.unwrap();
    let rows: Vec<Value> = rows.iter().map(|row| serde_json::from_slice(&row.record).unwrap()).collect();
    let told = |kind: &str, reason: &str| {
        rows.iter().filter(|row| row["kind"] == kind && row["reason"] == reason).count()
    };
    assert_eq!(told("federation.unlinked", "by_operator"), 2);
    assert!(told("administrator.action", "person_read") >= 4, "readings are recorded");
    assert!(rows.iter().all(|row| !row.to_string().contains("sub-of")), "the account there is named nowhere");
    after.close().await;
}
