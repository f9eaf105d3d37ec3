//! A provider over a file or PostgreSQL whose audit log can be looked at, and changed behind its back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sceau::app::{App, Durable, Ephemeral, Parts, RelyingParty};
use sceau::audit::{
    AuditEvent, Decision, EventKind, NoteKey, RememberedCheckpoint, SignedCheckpoint, TrustedKey,
};
use sceau::base::{AuditId, Clock as _, OsEntropy, Secret, TestClock};
use sceau::flow::{TrustedKeys, Verified, VerifyError, verify_log};
use sceau::phone::TestRoot;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use super::durable::START;
use crate::support::{Outbox, policy};

pub(super) struct Stage {
    pub(super) app: App,
    pub(super) clock: Arc<TestClock>,
    pub(super) folder: Arc<TempDir>,
}

impl Stage {
    pub(super) async fn in_file() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::again(folder, Arc::new(TestClock::at(START))).await
    }

    async fn again(folder: Arc<TempDir>, clock: Arc<TestClock>) -> Self {
        let durable = Durable::File(folder.path().join("sceau.sqlite"));
        Self { app: assemble(&durable, &clock).await, clock, folder }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("sceau.sqlite")
    }

    /// Adds `count` events with a personal value, orders them, and signs a checkpoint.
    pub(super) async fn day(&self, count: u32) {
        for _ in 0..count {
            let event = event(&self.clock, EventKind::TokensIssued);
            let event = event.with_personal("address", Secret::new(String::from("192.0.2.7")));
            self.app.provider.ports.audit.append(&event).await.unwrap();
        }
        self.order().await;
    }

    pub(super) async fn order(&self) {
        self.clock.advance(Duration::from_secs(11));
        self.app.provider.sequence_audit().await.unwrap();
    }

    /// Checkpoints as an outside memory has them.
    pub(super) async fn remembered(&self) -> Vec<RememberedCheckpoint> {
        let log = &self.app.provider.ports.audit_log;
        let stored = log.checkpoints(None, 1000).await.unwrap();
        let keys = self.keys().await;
        let verified = stored.iter().map(|stored| keys.verified(&stored.note).unwrap());
        let remembered = |(checkpoint, line): (sceau::audit::Checkpoint, u64)| {
            let (size, root, at) = (checkpoint.size, checkpoint.root, checkpoint.at);
            RememberedCheckpoint { size, root, at, found: (0, line) }
        };
        verified.zip(0..).map(remembered).collect()
    }

    pub(super) async fn keys(&self) -> TrustedKeys {
        TrustedKeys::OfDatabase(self.app.provider.ports.audit_log.audit_keys().await.unwrap())
    }

    /// The same as they were kept apart, before anything was revoked.
    pub(super) async fn given_keys(&self) -> Vec<TrustedKey> {
        let log = &self.app.provider.ports.audit_log;
        let last = log.last_checkpoint().await.unwrap().unwrap();
        let origin = SignedCheckpoint::parse(&last.note).unwrap().origin().to_owned();
        let keys = log.audit_keys().await.unwrap();
        let given = keys.iter().map(|key| NoteKey::from_jwk(&origin, &key.jwk).unwrap());
        given.map(|key| TrustedKey { key, until: None }).collect()
    }

    pub(super) async fn verify(&self, outside: Vec<RememberedCheckpoint>) -> Result<Verified, VerifyError> {
        let log = &*self.app.provider.ports.audit_log;
        verify_log(log, &self.keys().await, outside, &mut |_| ()).await
    }

    /// What an intruder who can write the file does to it, while the provider is stopped.
    pub(super) async fn tampered(self, statements: &[&str]) -> Self {
        self.app.close().await;
        let mut file = intruder(&self.file()).await;
        for statement in statements {
            sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(&mut file).await.unwrap();
        }
        file.close().await.unwrap();
        let Self { app, clock, folder } = self;
        drop(app);
        Self::again(folder, clock).await
    }

    /// The file as it is now, to be put back later.
    pub(super) async fn copied(self) -> (Self, Vec<u8>) {
        self.app.close().await;
        let copy = std::fs::read(self.file()).unwrap();
        let Self { app, clock, folder } = self;
        drop(app);
        (Self::again(folder, clock).await, copy)
    }

    pub(super) async fn put_back(self, copy: &[u8]) -> Self {
        self.app.close().await;
        std::fs::write(self.file(), copy).unwrap();
        for end in ["-wal", "-shm"] {
            let beside = self.file().with_file_name(format!("sceau.sqlite{end}"));
            let _ = std::fs::remove_file(beside);
        }
        let Self { app, clock, folder } = self;
        drop(app);
        Self::again(folder, clock).await
    }
}

pub(super) async fn intruder(file: &std::path::Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).foreign_keys(false).connect().await.unwrap()
}

pub(super) fn event(clock: &TestClock, kind: EventKind) -> AuditEvent {
    let now = clock.now();
    AuditEvent::new(AuditId::ordered(&OsEntropy, now), now, kind, Decision::Success, "granted")
}

pub(super) async fn assemble(durable: &Durable, clock: &Arc<TestClock>) -> App {
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
        clock: Arc::<TestClock>::clone(clock),
        entropy: Arc::new(OsEntropy),
    };
    App::assemble(parts).await.unwrap()
}
