//! Groups over the same refresh token families: none stops another, and one family that is held costs the others nothing.

use std::time::Duration;

use futures_util::future::join_all;
use sceau::adapter::sql::ONLY_POSTGRES;
use sceau::base::{OsEntropy, Sid};
use sceau::ports::{Cutoff, CutoffScope, IssueOutcome, IssuePlan, PortError, PortResult};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, SqlSafeStr as _};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::durable::{START, World, granted, refused};
use super::durable_samples::{cast, keep_plan};
use super::postgres_server::{PATIENT, shared};

async fn issued(world: &World, count: usize) -> Vec<IssuePlan> {
    let cast = cast(world).await;
    let mut plans: Vec<_> = (0..count).map(|_| cast.issue_plan()).collect();
    for plan in &plans {
        let outcome = world.stores.issuance.issue(plan, &granted(), &refused()).await.unwrap();
        assert_eq!(outcome, IssueOutcome::Issued);
    }
    plans.sort_by_key(family);
    plans
}

fn family(plan: &IssuePlan) -> Uuid {
    plan.family.as_ref().unwrap().id.uuid()
}

fn statement(name: &str) -> &'static str {
    ONLY_POSTGRES.into_iter().find(|(known, _)| *known == name).unwrap().1
}

/// A connection that joins as in a table of a million rows: row by row, in the order in which they are named.
async fn row_by_row(world: &World) -> (PgConnection, i32) {
    let mut connection = shared().connect(&world.tenant.as_ref().unwrap().user).await;
    for plan in ["hashjoin", "mergejoin", "seqscan", "bitmapscan"] {
        let text = sqlx::AssertSqlSafe(format!("SET enable_{plan} = off"));
        sqlx::query(text).execute(&mut connection).await.unwrap();
    }
    let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
    (connection, pid)
}

async fn hold(connection: &mut PgConnection, family: Uuid) {
    sqlx::query("BEGIN").execute(&mut *connection).await.unwrap();
    let text = "SELECT id FROM families WHERE id = $1 FOR NO KEY UPDATE";
    sqlx::query(text).bind(family).fetch_one(connection).await.unwrap();
}

async fn until_waiting(pid: i32) {
    let mut admin = shared().connect("postgres").await;
    let waiting = async {
        let text = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1";
        while sqlx::query_scalar::<_, Option<bool>>(text).bind(pid).fetch_one(&mut admin).await.unwrap()
            != Some(true)
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENT, waiting).await.expect("it waits for the family that is held");
}

async fn kept(world: &World, plan: &IssuePlan) -> PortResult<bool> {
    world.stores.issuance.keep(keep_plan(plan), &granted(), refused()).await
}

/// Runs the statement of a group over `families` in a transaction of its own.
async fn keep(mut connection: PgConnection, families: Vec<Uuid>) -> Result<usize, sqlx::Error> {
    let mut group = connection.begin().await?;
    let ends = vec![START.millis(); families.len()];
    let text = statement("family_keep_all").into_sql_str();
    let kept = sqlx::query_scalar::<_, Uuid>(text).bind(families).bind(ends).fetch_all(&mut *group).await?;
    group.commit().await?;
    Ok(kept.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_that_name_the_same_families_in_other_orders_wait_and_do_not_deadlock() {
    let world = World::in_postgres(PATIENT).await;
    let families: Vec<_> = issued(&world, 3).await.iter().map(family).collect();
    let [first, middle, last] = families[..] else { panic!("{families:?}") };
    let (mut holder, _) = row_by_row(&world).await;
    hold(&mut holder, middle).await;
    // Either has locked its first family when it waits for the middle one, unless all take them in one order.
    let mut groups = JoinSet::new();
    for order in [vec![first, middle, last], vec![last, middle, first]] {
        let (connection, pid) = row_by_row(&world).await;
        groups.spawn(keep(connection, order));
        until_waiting(pid).await;
    }
    sqlx::query("COMMIT").execute(&mut holder).await.unwrap();
    for kept in groups.join_all().await {
        assert_eq!(kept.unwrap(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_takes_its_families_in_the_order_of_groups() {
    let world = World::in_postgres(PATIENT).await;
    let families: Vec<_> = issued(&world, 3).await.iter().map(family).collect();
    let [first, middle, last] = families[..] else { panic!("{families:?}") };
    // Begun after the last family: what an index on the session gives out is in no order.
    let sid = Sid::random(&OsEntropy).uuid();
    let (mut holder, _) = row_by_row(&world).await;
    for family in [last, middle, first] {
        let text = "UPDATE grants SET sid = $1 WHERE id = (SELECT grant_id FROM families WHERE id = $2)";
        sqlx::query(text).bind(sid).bind(family).execute(&mut holder).await.unwrap();
    }
    hold(&mut holder, middle).await;
    let (connection, pid) = row_by_row(&world).await;
    let mut both = JoinSet::new();
    both.spawn(keep(connection, vec![first, middle, last]));
    until_waiting(pid).await;
    let (mut connection, pid) = row_by_row(&world).await;
    both.spawn(async move {
        let text = statement("session_kill_families_locked").into_sql_str();
        sqlx::query(text).bind(sid).fetch_all(&mut connection).await.map(|rows| rows.len())
    });
    until_waiting(pid).await;
    sqlx::query("COMMIT").execute(&mut holder).await.unwrap();
    for taken in both.join_all().await {
        assert_eq!(taken.unwrap(), 3);
    }
}

// One thread: all that is asked at once waits before a group begins, and is one group.
#[tokio::test]
async fn a_family_held_by_another_is_refused_alone() {
    const PATIENCE: Duration = Duration::from_secs(3);
    let world = World::in_postgres(PATIENCE).await;
    let plans = issued(&world, 8).await;
    let before = world.verified().await;
    let (mut holder, _) = row_by_row(&world).await;
    hold(&mut holder, family(&plans[4])).await;
    let answers = join_all(plans.iter().map(|plan| kept(&world, plan))).await;
    for (number, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(stands) => assert!(stands && number != 4, "{number}"),
            Err(PortError::Conflict) => assert_eq!(number, 4),
            Err(error) => panic!("{number}: {error}"),
        }
    }
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    // What was kept is in the log, and the one that was not can be asked again.
    assert!(kept(&world, &plans[4]).await.unwrap());
    assert_eq!(world.verified().await, before + 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_keep_the_same_families_while_sessions_end() {
    let world = World::in_postgres(PATIENT).await;
    let other = World::over_postgres(world.tenant.clone().unwrap()).await;
    let plans = issued(&world, 12).await;
    for round in 0..20 {
        let forwards = plans.iter().map(|plan| kept(&world, plan));
        let backwards = plans.iter().rev().map(|plan| kept(&other, plan));
        let end = async {
            let scope = CutoffScope::Session(plans[round % plans.len()].grant.sid);
            world.stores.revocation.revoke(&Cutoff { scope, at: START }, &granted()).await
        };
        let (one, two, ended) = tokio::join!(join_all(forwards), join_all(backwards), end);
        ended.unwrap();
        for answer in one.into_iter().chain(two) {
            answer.unwrap();
        }
    }
}
