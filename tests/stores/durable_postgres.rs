//! What is PostgreSQL's own: the catalogue, transactions side by side, rights, and a server that dies.
//! The contracts themselves run on it with the other engines: see `durable::on_every_engine`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sceau::adapter::sql::{
    AUDIT_ONLY_POSTGRES, AUDIT_STATEMENTS, DIRECTORY_ONLY_POSTGRES, DIRECTORY_STATEMENTS, Db,
    GATE_ONLY_POSTGRES, GROUPS_ONLY_POSTGRES, Migrated, ONLY_POSTGRES, PEOPLE_ONLY_POSTGRES,
    PEOPLE_STATEMENTS, PostgresSettings, REPRESENTATION_STATEMENTS, RESEAL_ONLY_POSTGRES, RESEAL_STATEMENTS,
    STATEMENTS,
};
use sceau::base::{ApprovalId, AuditId, OsEntropy};
use sceau::ports::{Cutoff, CutoffScope, FenceKind, IssueOutcome, PortError, RefusedBy, RotateOutcome};
use sqlx::{Connection as _, Executor as _, SqlSafeStr as _};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::durable::{START, World, granted, race, refused};
use super::durable_samples::{cast, client_id, life, rotate_plan};
use super::postgres_server::{PATIENT, Server, shared};

#[tokio::test]
async fn every_statement_of_the_catalogue_prepares() {
    let settings = shared().tenant(PATIENT).await;
    Db::connect(&settings).await.unwrap().migrate().await.unwrap();
    let mut connection = shared().connect(&settings.user).await;
    let directory = DIRECTORY_STATEMENTS.into_iter().chain(DIRECTORY_ONLY_POSTGRES);
    let people = PEOPLE_STATEMENTS.into_iter().chain(PEOPLE_ONLY_POSTGRES).chain(REPRESENTATION_STATEMENTS);
    let audit = AUDIT_STATEMENTS.into_iter().chain(AUDIT_ONLY_POSTGRES);
    let reseal = RESEAL_STATEMENTS.into_iter().chain(RESEAL_ONLY_POSTGRES);
    let all = STATEMENTS
        .into_iter()
        .chain(ONLY_POSTGRES)
        .chain(GATE_ONLY_POSTGRES)
        .chain(GROUPS_ONLY_POSTGRES)
        .chain(directory)
        .chain(people)
        .chain(audit)
        .chain(reseal);
    for (name, statement) in all {
        let prepared = (&mut connection).prepare(statement.into_sql_str()).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn a_migration_says_what_it_did_and_does_it_once() {
    let db = Db::connect(&shared().tenant(PATIENT).await).await.unwrap();
    assert_eq!(db.schema_version().await.unwrap(), 0);
    let needed = db.schema_needed();
    assert_eq!(db.migrate().await.unwrap(), Migrated { from: 0, to: needed });
    assert_eq!(db.migrate().await.unwrap(), Migrated { from: needed, to: needed });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_side_by_side_keep_a_few_lanes_each_a_chain() {
    let world = World::in_postgres(PATIENT).await;
    let before = world.verified().await;
    for _ in 0..4 {
        // Neither the events that stand alone nor what passes the gate: they are committed in groups.
        let done = race(|_| {
            let (world, approval) = (world.clone(), ApprovalId::random(&OsEntropy));
            async move { world.stores.decisions.deny(approval, life(), &granted(), &refused()).await.unwrap() }
        });
        assert!(done.await.into_iter().all(|done| done));
    }
    assert_eq!(world.verified().await, before + 200);
    let mut lanes: Vec<_> =
        world.stores.audit.rows(None, 1000).await.unwrap().iter().map(|row| row.writer).collect();
    lanes.dedup();
    assert!((2..=12).contains(&lanes.len()), "{} lanes", lanes.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_presentation_beside_the_first_ends_it_whichever_comes_first() {
    let world = World::in_postgres(PATIENT).await;
    let cast = Arc::new(cast(&world).await);
    let client = client_id();
    for _ in 0..25 {
        let plan = cast.issue_plan();
        let gate = &world.stores.issuance;
        let (granted, refused) = (granted(), refused());
        let issue = gate.issue(&plan, &granted, &refused);
        let again = gate.replayed(FenceKind::Code, &plan.fence.hash, &client, &refused);
        let (issued, ended) = tokio::join!(issue, again);
        match (issued.unwrap(), ended.unwrap()) {
            (IssueOutcome::Issued, Some(grant)) => assert_eq!(grant, plan.grant.id),
            (outcome, None) => assert_eq!(outcome, IssueOutcome::IssuedAndEnded),
            other => panic!("{other:?}"),
        }
        let family = plan.family.as_ref().unwrap().id;
        assert!(world.stores.grants.family(family).await.unwrap().unwrap().family.dead);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_while_grants_are_made_leaves_none_alive() {
    let world = World::in_postgres(PATIENT).await;
    let cast = Arc::new(cast(&world).await);
    let sid = cast.grant().sid;
    let answers = race(|number| {
        let (world, cast) = (world.clone(), Arc::clone(&cast));
        async move {
            if number == 25 {
                let cutoff = Cutoff { scope: CutoffScope::Session(sid), at: START };
                assert!(world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap());
                return None;
            }
            let mut plan = cast.issue_plan();
            plan.grant.sid = sid;
            let outcome = world.stores.issuance.issue(&plan, &granted(), &refused()).await.unwrap();
            (outcome == IssueOutcome::Issued).then_some(plan.family.unwrap().id)
        }
    })
    .await;
    for family in answers.into_iter().flatten() {
        assert!(world.stores.grants.family(family).await.unwrap().unwrap().family.dead);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocations_and_rotations_of_one_person_never_stop_each_other() {
    let world = World::in_postgres(PATIENT).await;
    let cast = Arc::new(cast(&world).await);
    let plan = Arc::new(cast.issue_plan());
    world.stores.issuance.issue(&plan, &granted(), &refused()).await.unwrap();
    let answers = race(|number| {
        let (world, cast, plan) = (world.clone(), Arc::clone(&cast), Arc::clone(&plan));
        async move {
            let scope = match number % 10 {
                1 => CutoffScope::Person(cast.person.id),
                2 => CutoffScope::Device(cast.device.id),
                3 => CutoffScope::Client(client_id()),
                4 => CutoffScope::Session(plan.grant.sid),
                5 => CutoffScope::Grant(plan.grant.id),
                6 => {
                    let decided =
                        world.stores.decisions.commit(&cast.decision(), &granted(), &refused()).await;
                    return decided.map(|_| false);
                }
                7 => {
                    let issued =
                        world.stores.issuance.issue(&cast.issue_plan(), &granted(), &refused()).await;
                    return issued.map(|_| false);
                }
                _ => {
                    let next = rotate_plan(&plan, &number.to_string());
                    let rotated = world.stores.issuance.rotate(&next, &granted(), &refused()).await;
                    return rotated.map(|outcome| outcome == RotateOutcome::Rotated);
                }
            };
            world.stores.revocation.revoke(&Cutoff { scope, at: START }, &granted()).await.map(|_| false)
        }
    })
    .await;
    // A deadlock would be a conflict here.
    let rotated = answers.into_iter().map(Result::unwrap).filter(|rotated| *rotated).count();
    assert!(rotated <= 1, "{rotated} rotations");
    world.verified().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_waits_for_a_revocation_under_way_and_sees_it() {
    let table = [
        ("UPDATE clients SET enabled = FALSE", RefusedBy::Client),
        ("UPDATE persons SET status = 'locked'", RefusedBy::Person),
        ("UPDATE devices SET status = 'revoked'", RefusedBy::Device),
    ];
    for (change, by) in table {
        let world = World::in_postgres(PATIENT).await;
        let plan = cast(&world).await.issue_plan();
        let mut other = shared().connect(&world.tenant.clone().unwrap().user).await;
        let mut revocation = other.begin().await.unwrap();
        sqlx::query(change).execute(&mut *revocation).await.unwrap();
        let gate = Arc::clone(&world.stores.issuance);
        let mut issue = Box::pin(async move { gate.issue(&plan, &granted(), &refused()).await });
        let waited = tokio::time::timeout(Duration::from_millis(300), &mut issue).await;
        assert!(waited.is_err(), "decided beside a revocation: {waited:?}");
        revocation.commit().await.unwrap();
        assert_eq!(issue.await.unwrap(), IssueOutcome::Refused(by));
    }
}

#[tokio::test]
async fn the_role_that_serves_can_add_to_the_log_and_no_more() {
    let world = World::in_postgres(PATIENT).await;
    world.stores.audit.append(&granted()).await.unwrap();
    let owner = world.tenant.clone().unwrap();
    let mut connection = shared().connect(&owner.user).await;
    let server = format!("{}_server", owner.user);
    let mut admin = shared().connect("postgres").await;
    let role = format!("CREATE ROLE {server} LOGIN");
    sqlx::query(sqlx::AssertSqlSafe(role)).execute(&mut admin).await.unwrap();
    for right in [
        format!("GRANT USAGE ON SCHEMA {} TO {server}", owner.user),
        format!("GRANT INSERT, SELECT ON audit_events TO {server}"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(right)).execute(&mut connection).await.unwrap();
    }
    let mut serving = shared().connect(&server).await;
    let table = format!("{}.audit_events", owner.user);
    let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let rows: i64 = sqlx::query_scalar(count).fetch_one(&mut serving).await.unwrap();
    assert_eq!(rows, 1);
    for text in ["UPDATE {} SET kind = 'other'", "DELETE FROM {}", "TRUNCATE {}"] {
        let text = text.replace("{}", &table);
        let denied = sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut serving).await.unwrap_err();
        assert_eq!(denied.as_database_error().unwrap().code().unwrap(), "42501");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_is_noticed_in_two_seconds_and_loses_nothing_acknowledged() {
    let mut server = Server::start();
    let world = World::over_postgres(server.tenant(PostgresSettings::PATIENCE).await).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let (world, stop) = (world.clone(), Arc::clone(&stop));
        writers.spawn(async move {
            let mut acknowledged: Vec<AuditId> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let event = granted();
                if world.stores.audit.append(&event).await.is_ok() {
                    acknowledged.push(event.id);
                }
            }
            acknowledged
        });
    }
    sleep(Duration::from_millis(700)).await;
    server.kill();
    let begun = Instant::now();
    // What was under way when the server died may still be answered.
    let gone = loop {
        if let Err(error) = world.stores.audit.append(&granted()).await {
            break error;
        }
    };
    assert!(matches!(gone, PortError::Unavailable(_)), "{gone}");
    let first = begun.elapsed();
    let begun = Instant::now();
    assert!(matches!(world.stores.clients.list().await, Err(PortError::Unavailable(_))));
    let read = begun.elapsed();
    assert!(first < Duration::from_secs(2) && read < Duration::from_secs(2), "{first:?} {read:?}");

    server.start_again();
    let begun = Instant::now();
    while world.stores.audit.append(&granted()).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "does not come back");
    }
    stop.store(true, Ordering::Relaxed);
    let acknowledged = writers.join_all().await.concat();
    let rows = world.stores.audit.rows(None, 1_000_000).await.unwrap();
    let kept: std::collections::HashSet<_> = rows.iter().map(|row| row.id).collect();
    assert!(acknowledged.len() > 10, "{} writes", acknowledged.len());
    assert!(acknowledged.iter().all(|id| kept.contains(id)));
    let chain =
        rows.into_iter().map(|row| (row.writer, row.sequence, row.previous, row.record, row.leaf_hash));
    sceau::audit::verify_chain(chain).unwrap();
    world.db.close().await;
    server.stop();
}

/// A client that leaves gives up its request wherever that is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_leaves_while_it_begins_leaves_no_transaction_open() {
    let world = World::in_postgres(PATIENT).await;
    for looks in 0..400 {
        let approval = ApprovalId::random(&OsEntropy);
        let (granted, refused) = (granted(), refused());
        let mut denied = world.stores.decisions.deny(approval, life(), &granted, &refused);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for _ in 0..looks {
            if denied.as_mut().poll(&mut context).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let mut admin = shared().connect("postgres").await;
    let text =
        "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND state LIKE 'idle in transaction%'";
    let user = &world.tenant.as_ref().unwrap().user;
    let mut open = 0_i64;
    // What was given up is taken back by tasks of its own.
    for _ in 0..50 {
        open = sqlx::query_scalar(text).bind(user).fetch_one(&mut admin).await.unwrap();
        if open == 0 {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("{open} transactions are open");
}
