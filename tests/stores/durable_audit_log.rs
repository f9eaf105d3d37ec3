//! The audit log as one order, on each engine: batches, races between replicas, processes that die.

use std::sync::Arc;
use std::time::Duration;

use sceau::adapter::sql::{Db, SqlAuditLog};
use sceau::app::Durable;
use sceau::audit::{Frontier, LogVerifier};
use sceau::base::TestClock;
use sceau::ports::{AuditLog, PortResult, StoredCheckpoint};
use tokio::task::JoinSet;

use super::audit_stage::{assemble, event};
use super::durable::{START, World, granted, on_every_engine};
use super::postgres_server::{PATIENT, shared};

/// Orders until nothing waits.
async fn settle(log: &dyn AuditLog, limit: u32) -> u64 {
    loop {
        let done = log.sequence(limit).await.unwrap();
        if let Some(done) = done
            && done.entered == 0
        {
            assert_eq!((done.oldest_waiting, done.held), (None, Vec::new()));
            return done.size;
        }
    }
}

/// The whole log verified; the number of its entries.
async fn verified(log: &dyn AuditLog) -> u64 {
    let mut verifier = LogVerifier::default();
    loop {
        let page = log.entries(verifier.tree().size(), 7).await.unwrap();
        if page.is_empty() {
            break;
        }
        for entry in &page {
            verifier.entry(entry).unwrap();
        }
    }
    assert_eq!(*verifier.tree(), log.tree().await.unwrap());
    let mut after = None;
    while let (Some(next), rows) = log.absent(verifier.tree().size(), after, 5).await.unwrap() {
        for row in &rows {
            verifier.row(row).unwrap();
        }
        after = Some(next);
    }
    assert_eq!(verifier.waiting(), 0);
    verifier.tree().size()
}

#[test]
fn committed_rows_enter_once_in_batches_and_the_tree_goes_on() {
    on_every_engine(async |world| {
        let log = &*world.stores.audit_log;
        assert_eq!(log.tree().await.unwrap(), Frontier::default());
        assert_eq!(settle(log, 10).await, 0);
        for _ in 0..25 {
            world.stores.audit.append(&granted()).await.unwrap();
        }
        let first = log.sequence(10).await.unwrap().unwrap();
        assert_eq!((first.entered, first.size, first.oldest_waiting), (10, 10, Some(START)));
        assert_eq!(settle(log, 10).await, 25);
        world.stores.audit.append(&granted()).await.unwrap();
        assert_eq!(settle(log, 1000).await, 26);
        assert_eq!(verified(log).await, 26);
    });
}

#[test]
fn a_row_whose_lane_is_broken_is_held_and_told() {
    on_every_engine(async |world| {
        let log = &*world.stores.audit_log;
        for _ in 0..3 {
            world.stores.audit.append(&granted()).await.unwrap();
        }
        settle(log, 1).await;
        // Of the last row of each lane the log says another hash: the next one does not follow.
        let before = log.entries(0, 3).await.unwrap();
        let Some(tenant) = &world.tenant else { return };
        let mut owner = shared().connect(&tenant.user).await;
        sqlx::query("UPDATE audit_lanes SET head = $1")
            .bind([9_u8; 32].as_slice())
            .execute(&mut owner)
            .await
            .unwrap();
        // A row that comes while the lanes are still held opens another, which is whole: until one follows a broken one.
        let mut done = None;
        for _ in 0..20 {
            world.stores.audit.append(&granted()).await.unwrap();
            done = log.sequence(10).await.unwrap().filter(|done| !done.held.is_empty());
            if done.is_some() {
                break;
            }
        }
        let done = done.unwrap();
        assert_eq!((done.entered, done.oldest_waiting), (0, Some(START)));
        let [held] = done.held.as_slice() else { panic!("{:?}", done.held) };
        let of_lane = before.iter().filter(|entry| entry.writer == held.writer).count();
        assert_eq!(held.sequence, u64::try_from(of_lane).unwrap());
        assert!(of_lane > 0, "the lane had begun");
    });
}

#[test]
fn a_checkpoint_has_its_number_once() {
    on_every_engine(async |world| {
        let log = &*world.stores.audit_log;
        let checkpoint = |number, note: &str| StoredCheckpoint {
            number,
            size: number * 3,
            root: [5; 32],
            at: START,
            note: note.to_owned(),
        };
        assert_eq!(log.last_checkpoint().await.unwrap(), None);
        assert!(log.keep_checkpoint(&checkpoint(0, "a")).await.unwrap());
        assert!(!log.keep_checkpoint(&checkpoint(0, "b")).await.unwrap());
        assert!(log.keep_checkpoint(&checkpoint(1, "c")).await.unwrap());
        assert_eq!(log.last_checkpoint().await.unwrap(), Some(checkpoint(1, "c")));
        let all = [checkpoint(0, "a"), checkpoint(1, "c")];
        assert_eq!(log.checkpoints(None, 10).await.unwrap(), all);
        assert_eq!(log.checkpoints(Some(0), 10).await.unwrap(), all[1..]);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_order_at_once_make_one_order_without_gap_or_double() {
    let world = World::in_postgres(PATIENT).await;
    let tenant = world.tenant.clone().unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let replica: Arc<dyn AuditLog> = Arc::new(SqlAuditLog::new(&Db::connect(&tenant).await.unwrap()));
        tasks.spawn(async move {
            for _ in 0..40 {
                replica.sequence(7).await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
    }
    for _ in 0..3 {
        // Each has a lane, or several, of its own.
        let world = World::over_postgres(tenant.clone()).await;
        tasks.spawn(async move {
            for _ in 0..50 {
                world.stores.audit.append(&granted()).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let log = &*world.stores.audit_log;
    assert_eq!(settle(log, 100).await, 150);
    assert_eq!(verified(log).await, 150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_does_not_wait_for_the_one_that_orders() {
    let world = World::in_postgres(PATIENT).await;
    let tenant = world.tenant.clone().unwrap();
    world.stores.audit.append(&granted()).await.unwrap();
    let mut other = shared().connect(&tenant.user).await;
    sqlx::raw_sql("BEGIN; SELECT size FROM audit_tree FOR UPDATE").execute(&mut other).await.unwrap();
    let log = &*world.stores.audit_log;
    let begun = std::time::Instant::now();
    assert_eq!(log.sequence(10).await.unwrap(), None);
    assert!(begun.elapsed() < Duration::from_secs(5));
    // The other one dies: its transaction ends with it.
    drop(other);
    while log.tree().await.unwrap().size() == 0 {
        log.sequence(10).await.unwrap();
    }
    assert_eq!(verified(log).await, 1);
}

/// A process killed at any step leaves a batch whole or not at all: here every step between two answers of the database.
#[test]
fn killed_at_any_step_the_next_one_goes_on() {
    on_every_engine(async |world| {
        let log = Arc::clone(&world.stores.audit_log);
        let mut finished = 0;
        for polls in 1..400_usize {
            world.stores.audit.append(&granted()).await.unwrap();
            let before = log.tree().await.unwrap().size();
            if run_for(log.sequence(50), polls).await.is_some() {
                finished += 1;
            }
            let after = log.tree().await.unwrap().size();
            assert!(after >= before);
            if finished > 5 {
                break;
            }
        }
        assert!(finished > 5, "it never ends within these steps");
        let size = settle(&*log, 100).await;
        assert_eq!(verified(&*log).await, size);
    });
}

/// Polls `future` at most so many times, then drops it.
async fn run_for<T>(future: impl Future<Output = PortResult<T>>, polls: usize) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done.unwrap())),
        std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
        std::task::Poll::Pending => {
            left -= 1;
            std::task::Poll::Pending
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_providers_sign_one_line_of_checkpoints() {
    let durable = Durable::Postgres(shared().tenant(PATIENT).await);
    durable.migrate().await.unwrap();
    let clock = Arc::new(TestClock::at(START));
    let replicas = [assemble(&durable, &clock).await, assemble(&durable, &clock).await];
    for round in 0..8 {
        let audit = &replicas[round % 2].provider.ports.audit;
        audit.append(&event(&clock, sceau::audit::EventKind::TokensIssued)).await.unwrap();
        clock.advance(Duration::from_secs(11));
        let (one, two) =
            tokio::join!(replicas[0].provider.sequence_audit(), replicas[1].provider.sequence_audit());
        one.unwrap();
        two.unwrap();
    }
    let log = &*replicas[0].provider.ports.audit_log;
    let checkpoints = log.checkpoints(None, 100).await.unwrap();
    assert!((7..=9).contains(&checkpoints.len()), "{}", checkpoints.len());
    let keys = sceau::flow::TrustedKeys::OfDatabase(log.audit_keys().await.unwrap());
    let verified = sceau::flow::verify_log(log, &keys, Vec::new(), &mut |_| ()).await.unwrap();
    assert_eq!(verified.stored, u64::try_from(checkpoints.len()).unwrap());
}
