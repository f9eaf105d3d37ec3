//! Two providers over one PostgreSQL database.

use std::sync::Arc;

use sceau::app::{App, Durable, Ephemeral, Parts, RelyingParty};
use sceau::base::{EntropyExt as _, OsEntropy, PersonId, SystemClock};
use sceau::flow::{PatientsError, text_lines};
use sceau::identity::{Identity, Ins, InsOid, Patient, PatientFileError, Person, PersonStatus};
use sceau::phone::TestRoot;
use sceau::ports::PatientRecord;

use super::durable::granted;
use super::postgres_server::{PATIENT, shared};
use crate::support::{Outbox, identity, policy};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_schema_is_refused_with_the_command_that_changes_it() {
    let durable = Durable::Postgres(shared().tenant(PATIENT).await);
    let refused = assemble(&durable).await.err().unwrap();
    let sentence = format!("{refused:#}");
    assert!(sentence.contains("version 0") && sentence.contains("sceau migrate"), "{sentence}");
    let migrated = durable.migrate().await.unwrap();
    assert_eq!((migrated.from, migrated.to), (0, 9));
    assemble(&durable).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_at_once_make_one_set_of_keys() {
    let durable = Durable::Postgres(shared().tenant(PATIENT).await);
    durable.migrate().await.unwrap();
    let started = tokio::join!(assemble(&durable), assemble(&durable), assemble(&durable));
    let replicas = [started.0.unwrap(), started.1.unwrap(), started.2.unwrap()];
    let mut published = Vec::new();
    for replica in &replicas {
        let mut kids: Vec<_> =
            replica.provider.ports.keys.list().await.unwrap().into_iter().map(|key| key.kid).collect();
        kids.sort();
        published.push(kids);
    }
    published.dedup();
    assert_eq!(published.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_with_numbers_of_another_environment_is_not_opened() {
    let durable = Durable::Postgres(shared().tenant(PATIENT).await);
    durable.migrate().await.unwrap();
    let app = assemble(&durable).await.unwrap();
    let mut claire = identity("p-01").patient;
    import(&app, &claire).await;
    assemble(&durable).await.unwrap();
    claire.ins = Some(Ins::parse(claire.ins.unwrap().expose(), InsOid::Nir).unwrap());
    import(&app, &claire).await;
    let sentence = format!("{:#}", assemble(&durable).await.err().unwrap());
    assert!(sentence.contains("patients.ins"), "{sentence}");
    let (mut lines, mut silent) = (text_lines(""), |_: &PatientFileError| ());
    let refused = app.provider.import_patients(&mut lines, &mut silent).await;
    assert!(matches!(refused, Err(PatientsError::StoredEnvironment)));
}

async fn import(app: &App, patient: &Patient) {
    let person = Person {
        id: PersonId::random(&OsEntropy),
        subject_seed: OsEntropy.bytes(),
        status: PersonStatus::Active,
        identity: Identity::Patient(Box::new(patient.clone())),
        cooling_until: None,
        declared_email: None,
    };
    let record = PatientRecord { person, ended: granted(), returned: granted() };
    app.provider.ports.patients.import(&[record], &granted()).await.unwrap();
}

async fn assemble(durable: &Durable) -> anyhow::Result<App> {
    let directory = tempfile::tempdir().unwrap();
    let root = TestRoot::load_or_make(&directory.path().join("root.pem")).unwrap();
    let parts = Parts {
        policy: policy(),
        durable: durable.clone(),
        ephemeral: Ephemeral::InProcess,
        key_encryption_key: [7; 32],
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
    App::assemble(parts).await
}
