//! The gate in groups: on PostgreSQL many pass by one call, and who does not pass is looked at alone.

use std::sync::Arc;

use sceau::base::ClientId;
use sceau::ports::{IssueOutcome, IssuePlan, RefusedBy, RotateOutcome};
use sqlx::AssertSqlSafe;

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

async fn issue(world: &World, plan: &IssuePlan) -> IssueOutcome {
    world.stores.issuance.issue(plan, &granted(), &refused()).await.unwrap()
}
