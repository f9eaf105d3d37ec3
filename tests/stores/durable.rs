//! The durable stores on each engine: SQLite in memory and in a file, and PostgreSQL.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sceau::adapter::sql::{Db, PostgresSettings, SealedDecrypter, SealedSigner, SqlKeys, SqlStores};
use sceau::audit::{AuditEvent, Decision, EventKind, verify_chain};
use sceau::base::{AuditId, Clock, Entropy, OsEntropy, TestClock, UnixTime};
use sceau::jose::Sealer;
use tempfile::TempDir;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::postgres_server::{PATIENT, shared};

pub(super) const START: UnixTime = UnixTime::from_secs(1_800_000_000);
pub(super) const RACERS: usize = 50;

/// The stores over one engine.
#[derive(Clone)]
pub(super) struct World {
    pub(super) stores: SqlStores,
    pub(super) keys: Arc<SqlKeys>,
    pub(super) signer: Arc<SealedSigner>,
    pub(super) decrypter: Arc<SealedDecrypter>,
    pub(super) clock: Arc<TestClock>,
    pub(super) db: Db,
    pub(super) file: Option<Arc<TempDir>>,
    pub(super) tenant: Option<PostgresSettings>,
}

impl World {
    pub(super) async fn in_memory() -> Self {
        Self::over(Db::in_memory().await.unwrap(), None).await
    }

    pub(super) async fn in_file() -> Self {
        Self::in_directory(Arc::new(tempfile::tempdir().unwrap())).await
    }

    pub(super) async fn in_directory(directory: Arc<TempDir>) -> Self {
        let db = Db::open(&path(&directory)).await.unwrap();
        Self::over(db, Some(directory)).await
    }

    pub(super) async fn in_postgres(patience: Duration) -> Self {
        Self::over_postgres(shared().tenant(patience).await).await
    }

    pub(super) async fn over_postgres(settings: PostgresSettings) -> Self {
        let world = Self::over(Db::connect(&settings).await.unwrap(), None).await;
        Self { tenant: Some(settings), ..world }
    }

    async fn over(db: Db, file: Option<Arc<TempDir>>) -> Self {
        db.migrate().await.unwrap();
        let clock = Arc::new(TestClock::at(START));
        let ticking: Arc<dyn Clock> = Arc::<TestClock>::clone(&clock);
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let keys = SqlKeys::new(&db, &Sealer::new(1, &[7; 32]), &entropy, &ticking);
        let stores = SqlStores::new(&db, Sealer::new(2, &[8; 32]), &entropy, &ticking);
        let signer = Arc::new(SealedSigner::new(keys.clone()));
        let decrypter = Arc::new(SealedDecrypter::new(keys.clone()));
        Self { stores, keys: Arc::new(keys), signer, decrypter, clock, db, file, tenant: None }
    }

    /// Reasons of the log, oldest first within a lane.
    pub(super) async fn reasons(&self) -> Vec<String> {
        let rows = self.stores.audit.rows(None, 10_000).await.unwrap();
        let word = |record: &[u8]| {
            let record: serde_json::Value = serde_json::from_slice(record).unwrap();
            record["reason"].as_str().unwrap().to_owned()
        };
        rows.iter().map(|row| word(&row.record)).collect()
    }

    /// Verifies the chain; the number of rows.
    pub(super) async fn verified(&self) -> u64 {
        let rows = self.stores.audit.rows(None, 10_000).await.unwrap();
        let chain =
            rows.into_iter().map(|row| (row.writer, row.sequence, row.previous, row.record, row.leaf_hash));
        verify_chain(chain).unwrap()
    }
}

pub(super) fn path(directory: &TempDir) -> std::path::PathBuf {
    Path::join(directory.path(), "sceau.db")
}

/// Runs `test` on each engine; the log it leaves must be a chain.
pub(super) fn on_every_engine(test: impl AsyncFn(World)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for world in [World::in_memory().await, World::in_file().await, World::in_postgres(PATIENT).await] {
            test(world.clone()).await;
            world.verified().await;
            world.db.close().await;
        }
    });
}

/// What [`RACERS`] tasks released at once answer.
pub(super) async fn race<T, F>(task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let gate = Arc::new(Barrier::new(RACERS));
    let mut tasks = JoinSet::new();
    for number in 0..RACERS {
        let (gate, task) = (Arc::clone(&gate), task(number));
        tasks.spawn(async move {
            gate.wait().await;
            task.await
        });
    }
    tasks.join_all().await
}

pub(super) fn granted() -> AuditEvent {
    event(Decision::Success, "granted")
}

pub(super) fn refused() -> AuditEvent {
    event(Decision::Refusal, "refused")
}

fn event(decision: Decision, reason: &'static str) -> AuditEvent {
    let id = AuditId::ordered(&OsEntropy, START);
    AuditEvent::new(id, START, EventKind::TokensIssued, decision, reason)
}

#[test]
fn an_event_that_stands_alone_is_appended_in_its_lane() {
    on_every_engine(async |world| {
        for _ in 0..3 {
            world.stores.audit.append(&granted()).await.unwrap();
        }
        let rows = world.stores.audit.rows(None, 2).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.sequence).collect::<Vec<_>>(), [0, 1]);
        let rest = world.stores.audit.rows(Some((rows[1].writer, 1)), 10).await.unwrap();
        assert_eq!(rest.iter().map(|row| row.sequence).collect::<Vec<_>>(), [2]);
        assert_eq!(rest[0].previous, rows[1].leaf_hash);
        assert_eq!(rest[0].writer, rows[1].writer);
    });
}

#[test]
fn fifty_writers_make_one_chain_without_a_gap() {
    on_every_engine(async |world| {
        let appended = race(|_| {
            let audit = Arc::clone(&world.stores.audit);
            async move { audit.append(&granted()).await.is_ok() }
        })
        .await;
        assert!(appended.into_iter().all(|done| done));
        assert_eq!(world.verified().await, 50);
    });
}

#[test]
fn a_write_that_fails_closes_its_lane_and_the_next_one_opens_another() {
    on_every_engine(async |world| {
        let first = granted();
        world.stores.audit.append(&first).await.unwrap();
        // The same row twice: the second is refused by the engine.
        assert!(world.stores.audit.append(&first).await.is_err());
        world.stores.audit.append(&granted()).await.unwrap();
        let rows = world.stores.audit.rows(None, 10).await.unwrap();
        assert_eq!(rows.len(), 2);
        assert_ne!(rows[0].writer, rows[1].writer);
        assert_eq!(rows[1].sequence, 0);
    });
}

#[test]
fn a_writer_that_gives_up_leaves_a_chain_behind() {
    on_every_engine(async |world| {
        for patience in [0, 1, 20, 60, 120, 250, 500, 1000] {
            let event = granted();
            let append = world.stores.audit.append(&event);
            let _given_up = tokio::time::timeout(Duration::from_micros(patience), append).await;
        }
        world.stores.audit.append(&granted()).await.unwrap();
        assert!(world.verified().await >= 1);
    });
}

#[test]
fn an_altered_record_breaks_the_chain() {
    on_every_engine(async |world| {
        world.stores.audit.append(&granted()).await.unwrap();
        world.stores.audit.append(&granted()).await.unwrap();
        let mut rows = world.stores.audit.rows(None, 10).await.unwrap();
        rows[1].previous[0] ^= 1;
        let chain =
            rows.into_iter().map(|row| (row.writer, row.sequence, row.previous, row.record, row.leaf_hash));
        assert!(verify_chain(chain).is_err());
    });
}
