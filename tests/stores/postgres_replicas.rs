//! Two providers over one PostgreSQL database.

use std::sync::Arc;

use sceau::app::{App, Durable, Ephemeral, Parts, RelyingParty};
use sceau::base::{OsEntropy, SystemClock};
use sceau::phone::TestRoot;

use super::postgres_server::{PATIENT, shared};
use crate::support::{Outbox, policy};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_schema_is_refused_with_the_command_that_changes_it() {
    let durable = Durable::Postgres(shared().tenant(PATIENT).await);
    let refused = assemble(&durable).await.err().unwrap();
    let sentence = format!("{refused:#}");
    assert!(sentence.contains("version 0") && sentence.contains("sceau migrate"), "{sentence}");
    let migrated = durable.migrate().await.unwrap();
    assert_eq!((migrated.from, migrated.to), (0, 3));
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

async fn assemble(durable: &Durable) -> anyhow::Result<App> {
    let directory = tempfile::tempdir().unwrap();
    let root = TestRoot::load_or_make(&directory.path().join("root.pem")).unwrap();
    let parts = Parts {
        policy: policy(),
        durable: durable.clone(),
        ephemeral: Ephemeral::InProcess,
        key_encryption_key: [7; 32],
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
