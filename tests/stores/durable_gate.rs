//! The gate in groups: on PostgreSQL many pass by one call, and who does not pass is looked at alone.

use std::sync::Arc;
use std::time::Duration;

use sceau::base::ClientId;
use sceau::ports::{IssueOutcome, IssuePlan, RefusedBy, RotateOutcome};
use sqlx::AssertSqlSafe;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::durable::{World, granted, race, refused};
use super::durable_samples::{cast, rotate_plan};
use super::postgres_server::{PATIENT, shared};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_pass_holds_up_nobody_of_the_group() {
    let world = World::in_postgres(PATIENT).await;
    let cast = Arc::new(cast(&world).await);
    let replayed = cast.issue_plan();
    assert_eq!(issue(&world, &replayed).await, IssueOutcome::Issued);
    let before = world.verified().await;
    let outcomes = race(|number| {
        let (world, cast, fence) = (world.clone(), Arc::clone(&cast), replayed.fence);
        async move {
            let mut plan = cast.issue_plan();
            match number % 5 {
                0 => plan.fence = fence,
                1 => plan.grant.client = "nobody".parse::<ClientId>().unwrap(),
                _ => {}
            }
            (number % 5, plan.grant.id, issue(&world, &plan).await)
        }
    })
    .await;
    for (kind, grant, outcome) in outcomes {
        let expected = match kind {
            0 => IssueOutcome::Replayed(replayed.grant.id),
            1 => IssueOutcome::Refused(RefusedBy::Client),
            _ => IssueOutcome::Issued,
        };
        assert_eq!(outcome, expected);
        let device = world.stores.issuance.device_of(grant).await.unwrap();
        assert_eq!(device.is_some(), kind > 1, "a grant is there for who passed alone");
    }
    // One row for each, in lanes without a gap.
    assert_eq!(world.verified().await, before + 50);
    let reasons = world.reasons().await;
    let count = |reason: &str| reasons.iter().filter(|other| *other == reason).count();
    assert_eq!((count("code_replayed"), count("client_disabled")), (10, 10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rotations_of_one_family_in_a_group_one_passes() {
    let world = World::in_postgres(PATIENT).await;
    let cast = Arc::new(cast(&world).await);
    let issued = cast.issue_plan();
    assert_eq!(issue(&world, &issued).await, IssueOutcome::Issued);
    let before = world.verified().await;
    let issued = Arc::new(issued);
    let outcomes = race(|number| {
        let (world, issued) = (world.clone(), Arc::clone(&issued));
        async move {
            let plan = rotate_plan(&issued, &format!("next {number}"));
            world.stores.issuance.rotate(&plan, &granted(), &refused()).await.unwrap()
        }
    })
    .await;
    let rotated = outcomes.iter().filter(|outcome| **outcome == RotateOutcome::Rotated).count();
    let overtaken = outcomes.iter().filter(|outcome| **outcome == RotateOutcome::Overtaken).count();
    assert_eq!((rotated, overtaken), (1, 49));
    assert_eq!(world.verified().await, before + 1);
}

/// Whatever of a group somebody else holds, the others do not wait for it: the holder goes on only after they are done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_holds_is_waited_for_alone() {
    let world = World::in_postgres(PATIENT).await;
    let cast = Arc::new(cast(&world).await);
    let before = cast.issue_plan();
    assert_eq!(issue(&world, &before).await, IssueOutcome::Issued);
    let plan = cast.issue_plan();
    let family = before.family.as_ref().unwrap().id.uuid();
    let (artefact, session) = (plan.fence.hash.as_bytes().to_vec(), plan.grant.sid.uuid().as_u64_pair().0);
    let hex: Vec<_> = artefact.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    let number = |at: usize| i32::from_be_bytes(artefact[at..at + 4].try_into().unwrap());
    let holds = [
        format!("SELECT pg_advisory_xact_lock({}, {})", number(0), number(4)),
        format!("SELECT pg_advisory_xact_lock({})", session.cast_signed()),
        format!("SELECT pg_advisory_xact_lock(hashtextextended('code{hex}', 0))"),
        format!("SELECT id FROM families WHERE id = '{family}' FOR NO KEY UPDATE"),
    ];
    let tenant = world.tenant.clone().unwrap();
    let mut holder = shared().connect(&tenant.user).await;
    for (number, hold) in holds.iter().enumerate() {
        sqlx::query("BEGIN").execute(&mut holder).await.unwrap();
        sqlx::query(AssertSqlSafe(hold.clone())).execute(&mut holder).await.unwrap();
        let (there, rotation) = (world.clone(), rotate_plan(&before, "next"));
        let mut asked = cast.issue_plan();
        match number {
            1 => asked.grant.sid = plan.grant.sid,
            _ => asked.fence = plan.fence,
        }
        let mut held = JoinSet::new();
        held.spawn(async move {
            if number < 3 {
                return issue(&there, &asked).await == IssueOutcome::Issued;
            }
            let outcome = there.stores.issuance.rotate(&rotation, &granted(), &refused()).await;
            outcome.unwrap() == RotateOutcome::Rotated
        });
        let waiting = waiting_in(&tenant.database).await;
        assert!(!waiting.contains("sceau_"), "{hold}: {waiting}");
        let others = race(|_| {
            let (world, cast) = (world.clone(), Arc::clone(&cast));
            async move { issue(&world, &cast.issue_plan()).await }
        });
        assert!(others.await.iter().all(|outcome| *outcome == IssueOutcome::Issued), "{hold}");
        assert!(held.try_join_next().is_none(), "{hold}: it waits");
        sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
        let done = held.join_next().await.unwrap().unwrap();
        // The artefact of the first is that of the third: used once.
        assert_eq!(done, number != 2, "{hold}");
    }
}

/// The functions do the work: without them nothing passes, rather than step by step for ever unseen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gate_is_one_call() {
    let world = World::in_postgres(PATIENT).await;
    let cast = cast(&world).await;
    let tenant = world.tenant.clone().unwrap();
    let mut owner = shared().connect(&tenant.user).await;
    for function in ["sceau_issue", "sceau_rotate", "sceau_decide"] {
        let gone = format!("ALTER FUNCTION {function} RENAME TO {function}_gone");
        sqlx::query(AssertSqlSafe(gone)).execute(&mut owner).await.unwrap();
    }
    let plan = cast.issue_plan();
    let failed = world.stores.issuance.issue(&plan, &granted(), &refused()).await;
    assert!(format!("{failed:?}").contains("sceau_issue"), "{failed:?}");
    let rotation = rotate_plan(&plan, "next");
    let failed = world.stores.issuance.rotate(&rotation, &granted(), &refused()).await;
    assert!(format!("{failed:?}").contains("sceau_rotate"), "{failed:?}");
    let decision = cast.decision();
    let failed = world.stores.decisions.commit(&decision, &granted(), &refused()).await;
    assert!(format!("{failed:?}").contains("sceau_decide"), "{failed:?}");
}

/// The statement that waits for a lock.
async fn waiting_in(database: &str) -> String {
    let mut admin = shared().connect("postgres").await;
    let text = "SELECT query FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'";
    let waiting = async {
        loop {
            let found = sqlx::query_scalar(text).bind(database).fetch_optional(&mut admin).await.unwrap();
            if let Some(query) = found {
                return query;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENT, waiting).await.expect("something waits")
}

async fn issue(world: &World, plan: &IssuePlan) -> IssueOutcome {
    world.stores.issuance.issue(plan, &granted(), &refused()).await.unwrap()
}
