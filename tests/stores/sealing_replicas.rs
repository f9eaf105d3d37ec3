//! Two providers over one database while seal key and key-encryption key are replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sceau::app::{App, Durable, Ephemeral, Parts, RelyingParty, SealKeyNeed};
use sceau::base::{EntropyExt as _, OsEntropy, PersonId, SystemClock};
use sceau::identity::{Identity, Patient, PatientRef, Person, PersonStatus};
use sceau::jose::Sealer;
use sceau::keyring::{KeyRecord, KeyState, Purpose};
use sceau::phone::TestRoot;
use sceau::ports::PatientRecord;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::durable::{granted, path};
use super::durable_reseal::{Deaf, Raw};
use super::postgres_server::{PATIENT, shared};
use crate::support::{Outbox, identity, policy};

const PERSONS: (&str, &str, &str) = ("persons", "sealed", "id");

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_seal_key_is_replaced_under_writers_on_two_replicas() {
    let settings = shared().tenant(PATIENT).await;
    let durable = Durable::Postgres(settings.clone());
    durable.migrate().await.unwrap();
    let first = assemble(&durable, [7; 32], None).await.unwrap();
    let second = assemble(&durable, [7; 32], None).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for (app, number) in [&first, &second, &first, &second].into_iter().zip(0..) {
        writers.spawn(write(app.clone(), number, Arc::clone(&stop), Arc::clone(&written)));
    }
    wait_for(&written, 40).await;
    rotate(&first).await;
    // The second replica never looks by itself: it learns the key from the values it meets.
    for _ in 0..3 {
        let before = written.load(Ordering::Relaxed);
        let report = first.reseal(5, &mut Deaf).await.unwrap();
        assert_eq!(report.refused(), 0, "{report:?}");
        wait_for(&written, before + 20).await;
    }
    stop.store(true, Ordering::Relaxed);
    let references = writers.join_all().await.concat();
    tokio::time::sleep(HOLD * 3).await;
    let report = first.reseal(50, &mut Deaf).await.unwrap();
    assert_eq!((report.refused(), report.left(), report.settles_at), (0, 0, None));
    let needs: Vec<_> = report.seal_keys.iter().map(|(key, need)| (key.number, *need)).collect();
    assert_eq!(needs, [(1, SealKeyNeed::Indexes), (2, SealKeyNeed::Seals)]);
    let stored = Raw::tenant(&settings.user).await.values(PERSONS).await;
    assert!(stored.len() >= references.len() && references.len() >= 40, "{}", references.len());
    assert!(stored.iter().all(|(_, value)| Sealer::key_id(value) == Some(2)));
    for app in [&first, &second, &assemble(&durable, [7; 32], None).await.unwrap()] {
        for reference in &references {
            assert!(app.provider.ports.patients.find(reference).await.unwrap().is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_encryption_key_is_replaced_file_by_file() {
    let (old, new) = ([7; 32], [9; 32]);
    let folder = tempfile::tempdir().unwrap();
    let durable = Durable::File(path(&folder));
    let app = assemble(&durable, old, None).await.unwrap();
    import(&app, 1).await;
    app.close().await;
    let wrong = format!("{:#}", assemble(&durable, new, None).await.err().unwrap());
    assert!(wrong.contains("not keys.kek_file opens"), "{wrong}");
    let wrong = format!("{:#}", assemble(&durable, new, Some([8; 32])).await.err().unwrap());
    assert!(wrong.contains("neither keys.kek_file nor keys.kek_previous_file opens"), "{wrong}");

    let app = assemble(&durable, new, Some(old)).await.unwrap();
    let report = app.reseal(10, &mut Deaf).await.unwrap();
    let keys = &report.columns[0];
    assert_eq!((keys.place, keys.done), ("key_records.sealed_private", keys.total));
    assert!(keys.total > 5 && report.kek.other == 0 && report.kek.closed.is_empty(), "{report:?}");
    app.close().await;

    assert!(assemble(&durable, old, None).await.is_err(), "the old key opens nothing any more");
    let app = assemble(&durable, new, None).await.unwrap();
    let found = app.provider.ports.patients.find(&patient(1).reference).await.unwrap();
    assert!(found.is_some());
    let report = app.reseal(10, &mut Deaf).await.unwrap();
    assert_eq!((report.columns[0].done, report.columns[0].already()), (0, report.columns[0].total));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_key_that_was_altered_is_named_and_does_not_hold_the_start_up() {
    let folder = tempfile::tempdir().unwrap();
    let durable = Durable::File(path(&folder));
    let app = assemble(&durable, [7; 32], None).await.unwrap();
    let records = app.provider.ports.keys.list().await.unwrap();
    let audit = records.iter().find(|key| key.purpose == Purpose::Audit && key.state == KeyState::Active);
    let kid = audit.unwrap().kid.clone();
    app.close().await;
    let Raw::Sqlite(pool) = Raw::file(&path(&folder)).await else { panic!("a file") };
    let text = "UPDATE key_records SET sealed_private = substr(sealed_private, 1, 60) WHERE kid = $1";
    sqlx::query(text).bind(&kid).execute(&pool).await.unwrap();
    pool.close().await;
    let app = assemble(&durable, [9; 32], Some([7; 32])).await.unwrap();
    let report = app.reseal(10, &mut Deaf).await.unwrap();
    let refused: Vec<_> = report.columns[0].refused.iter().map(|(row, _)| row.clone()).collect();
    assert_eq!(refused, std::slice::from_ref(&kid));
    assert_eq!(report.kek.closed.iter().map(|(row, _)| row.clone()).collect::<Vec<_>>(), [kid]);
    app.close().await;
}

async fn wait_for(written: &AtomicU64, count: u64) {
    while written.load(Ordering::Relaxed) < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Creates patients and finds each again, until told to stop.
async fn write(app: App, writer: u64, stop: Arc<AtomicBool>, written: Arc<AtomicU64>) -> Vec<PatientRef> {
    let mut references = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = writer * 1_000_000 + u64::try_from(references.len()).unwrap();
        references.push(import(&app, number).await);
        for reference in references.iter().rev().take(2).chain(references.first()) {
            assert!(app.provider.ports.patients.find(reference).await.unwrap().is_some());
        }
        written.fetch_add(1, Ordering::Relaxed);
    }
    references
}

fn patient(number: u64) -> Patient {
    let mut patient = identity("p-01").patient;
    patient.reference = PatientRef::parse(&format!("ref-{number}")).unwrap();
    patient
}

async fn import(app: &App, number: u64) -> PatientRef {
    let patient = patient(number);
    let reference = patient.reference.clone();
    let person = Person {
        id: PersonId::random(&OsEntropy),
        subject_seed: OsEntropy.bytes(),
        status: PersonStatus::Active,
        identity: Identity::Patient(Box::new(patient)),
        declared_email: None,
        cooling_until: None,
    };
    let record = PatientRecord { person, ended: granted(), returned: granted() };
    app.provider.ports.patients.import(&[record], &granted()).await.unwrap();
    reference
}

async fn rotate(app: &App) {
    let (keys, now) = (&app.provider.ports.keys, || app.provider.now());
    let records = keys.list().await.unwrap();
    let active = records.iter().find(|key| key.purpose == Purpose::Seal).unwrap();
    let next = KeyRecord {
        kid: String::new(),
        state: KeyState::Staged,
        staged_at: now(),
        activated_at: None,
        revision: 0,
        ..active.clone()
    };
    let kid = keys.stage(&next, &granted()).await.unwrap().unwrap();
    tokio::time::sleep(HOLD).await;
    let next = KeyRecord { kid, ..next }.moved_to(KeyState::Active, now());
    let demoted = active.clone().moved_to(KeyState::Retiring, now());
    assert!(keys.advance(0, &next, Some(&demoted), &granted()).await.unwrap());
}

async fn assemble(durable: &Durable, kek: [u8; 32], other: Option<[u8; 32]>) -> anyhow::Result<App> {
    let directory: TempDir = tempfile::tempdir().unwrap();
    let root = TestRoot::load_or_make(&directory.path().join("root.pem")).unwrap();
    let mut policy = policy();
    (policy.keys.poll, policy.keys.skew) = (HOLD, Duration::ZERO);
    let parts = Parts {
        policy,
        durable: durable.clone(),
        ephemeral: Ephemeral::InProcess,
        key_encryption_key: kek,
        key_token: None,
        relying_party: RelyingParty {
            id: String::from("sceau.example"),
            name: String::from("sceau"),
            allowed_origins: Vec::new(),
            attestation_roots: vec![root.certificate().to_vec()],
        },
        upstreams: Vec::new(),
        code_sender: Arc::new(Outbox::default()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    };
    App::assemble_between(parts, other).await
}

const HOLD: Duration = Duration::from_millis(200);
