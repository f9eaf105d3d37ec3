//! Refresh token families: one live branch.

use std::sync::Arc;

use sceau::base::{GrantId, OsEntropy, TokenHash};
use sceau::ports::{
    Cutoff, CutoffScope, FenceKind, Grant, IssueOutcome, IssuePlan, KeepPlan, RefusedBy, RotateOutcome,
    RotatePlan, StoredFamily,
};

use super::durable::{START, World, granted, on_every_engine, race, refused};
use super::durable_samples::{cast, fence, keep_plan, later, record, rotate_plan};

async fn issued(world: &World) -> IssuePlan {
    let plan = cast(world).await.issue_plan();
    let outcome = world.stores.issuance.issue(&plan, &granted(), &refused()).await.unwrap();
    assert_eq!(outcome, IssueOutcome::Issued);
    plan
}

async fn family(world: &World, plan: &IssuePlan) -> StoredFamily {
    world.stores.grants.family(plan.family.as_ref().unwrap().id).await.unwrap().unwrap()
}

async fn rotate(world: &World, plan: &RotatePlan) -> RotateOutcome {
    world.stores.issuance.rotate(plan, &granted(), &refused()).await.unwrap()
}

async fn keep(world: &World, plan: KeepPlan) -> bool {
    world.stores.issuance.keep(plan, &granted(), refused()).await.unwrap()
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

#[test]
fn a_rotation_moves_the_family_one_generation_on() {
    on_every_engine(async |world| {
        let plan = issued(&world).await;
        assert_eq!(rotate(&world, &rotate_plan(&plan, "second")).await, RotateOutcome::Rotated);
        let stored = family(&world, &plan).await;
        assert_eq!(stored.family.generation, 1);
        assert_eq!(stored.family.current, TokenHash::of("second"));
        assert_eq!(stored.family.previous, Some(TokenHash::of("first")));
        assert_eq!(stored.family.idle_expiry, later(900));
        assert_eq!(stored.current_sealed, b"second");
    });
}

#[test]
fn an_overtaken_rotation_changes_and_records_nothing() {
    on_every_engine(async |world| {
        let plan = issued(&world).await;
        rotate(&world, &rotate_plan(&plan, "second")).await;
        let rows = world.verified().await;
        let wrong_token = RotatePlan { generation: 1, ..rotate_plan(&plan, "third") };
        let wrong_generation =
            RotatePlan { presented: TokenHash::of("second"), ..rotate_plan(&plan, "third") };
        for overtaken in [rotate_plan(&plan, "third"), wrong_token, wrong_generation] {
            assert_eq!(rotate(&world, &overtaken).await, RotateOutcome::Overtaken);
        }
        assert_eq!(family(&world, &plan).await.family.current, TokenHash::of("second"));
        assert_eq!(world.verified().await, rows);
    });
}

#[test]
fn fifty_rotations_of_one_token_leave_one_branch() {
    on_every_engine(async |world| {
        let plan = Arc::new(issued(&world).await);
        let outcomes = race(|number| {
            let (world, plan) = (world.clone(), Arc::clone(&plan));
            async move { rotate(&world, &rotate_plan(&plan, &format!("branch {number}"))).await }
        })
        .await;
        let winners = outcomes.iter().filter(|outcome| **outcome == RotateOutcome::Rotated).count();
        assert_eq!(winners, 1, "winners");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == RotateOutcome::Overtaken).count(), 49);
        assert_eq!(family(&world, &plan).await.family.generation, 1);
    });
}

#[test]
fn a_client_that_does_not_rotate_keeps_its_token() {
    on_every_engine(async |world| {
        let plan = issued(&world).await;
        let rows = world.verified().await;
        assert!(keep(&world, keep_plan(&plan)).await);
        assert!(keep(&world, keep_plan(&plan)).await);
        let stored = family(&world, &plan).await;
        assert_eq!((stored.family.generation, stored.family.previous), (0, None));
        assert_eq!((stored.family.current, stored.family.idle_expiry), (TokenHash::of("first"), later(900)));
        assert_eq!(world.verified().await, rows + 2);
    });
}

#[test]
fn fifty_that_keep_their_token_at_once_are_all_recorded_and_none_after_its_end() {
    on_every_engine(async |world| {
        let plan = Arc::new(issued(&world).await);
        let fifty = async || {
            let rows = world.verified().await;
            let outcomes = race(|_| {
                let (world, plan) = (world.clone(), Arc::clone(&plan));
                async move { keep(&world, keep_plan(&plan)).await }
            })
            .await;
            assert_eq!(world.verified().await, rows + 50);
            outcomes.into_iter().filter(|kept| *kept).count()
        };
        let refusals = async || {
            let rows = world.stores.audit.rows(None, 1000).await.unwrap();
            rows.iter().filter(|row| contains(&row.record, b"\"decision\":\"refusal\"")).count()
        };
        assert_eq!((fifty().await, refusals().await), (50, 0));
        assert_eq!(family(&world, &plan).await.family.idle_expiry, later(900));
        let gate = &world.stores.issuance;
        gate.end_family(plan.family.as_ref().unwrap().id, &granted()).await.unwrap();
        assert_eq!((fifty().await, refusals().await), (0, 50));
    });
}

#[test]
fn a_repeat_keeps_the_family_and_is_recorded() {
    on_every_engine(async |world| {
        let plan = issued(&world).await;
        let id = plan.family.as_ref().unwrap().id;
        let rows = world.verified().await;
        let gate = &world.stores.issuance;
        let again = gate.repeat(&plan.grant, Some(id), &record(), &granted(), &refused()).await.unwrap();
        assert_eq!(again, RotateOutcome::Rotated);
        assert_eq!(family(&world, &plan).await.family.generation, 0);
        assert_eq!(world.verified().await, rows + 1);
        let grant = Grant { id: GrantId::random(&OsEntropy), ..plan.grant.clone() };
        let alone =
            IssuePlan { fence: fence(FenceKind::Code), grant, family: None, record: record(), agreed: START };
        let outcome = gate.issue(&alone, &granted(), &refused()).await.unwrap();
        assert_eq!(outcome, IssueOutcome::Issued);
        let again = gate.repeat(&alone.grant, None, &record(), &granted(), &refused()).await.unwrap();
        assert_eq!(again, RotateOutcome::Rotated, "a grant without a family");
    });
}

#[test]
fn a_dead_family_neither_rotates_nor_repeats() {
    on_every_engine(async |world| {
        let plan = issued(&world).await;
        let id = plan.family.as_ref().unwrap().id;
        let gate = &world.stores.issuance;
        gate.end_family(id, &granted()).await.unwrap();
        assert!(family(&world, &plan).await.family.dead);
        let dead = RotateOutcome::Refused(RefusedBy::Grant);
        assert_eq!(rotate(&world, &rotate_plan(&plan, "second")).await, dead);
        assert_eq!(
            gate.repeat(&plan.grant, Some(id), &record(), &granted(), &refused()).await.unwrap(),
            dead
        );
        assert_eq!(world.reasons().await.last().unwrap(), "grant_revoked");
        let alone = gate.repeat(&plan.grant, None, &record(), &granted(), &refused()).await.unwrap();
        assert_eq!(alone, dead, "the grant is dead too");
        // The other replicas hear of it.
        let (cutoffs, _) = world.stores.revocation.changes_since(START).await.unwrap();
        assert_eq!(cutoffs[0].scope, CutoffScope::Grant(plan.grant.id));
    });
}

#[test]
fn a_family_of_another_grant_is_not_rotated() {
    on_every_engine(async |world| {
        let plan = issued(&world).await;
        let mut other = rotate_plan(&plan, "second");
        other.grant.id = GrantId::random(&OsEntropy);
        assert_eq!(rotate(&world, &other).await, RotateOutcome::Refused(RefusedBy::Grant));
    });
}

#[test]
fn revocation_ends_refreshing() {
    type Scope = fn(&IssuePlan) -> CutoffScope;
    let table: [(Scope, RefusedBy); 6] = [
        (|plan| CutoffScope::Client(plan.grant.client.clone()), RefusedBy::Client),
        (|plan| CutoffScope::Person(plan.grant.person), RefusedBy::Person),
        (|plan| CutoffScope::Device(plan.grant.proof.device.unwrap()), RefusedBy::Device),
        (|plan| CutoffScope::Session(plan.grant.sid), RefusedBy::Session),
        (|plan| CutoffScope::Grant(plan.grant.id), RefusedBy::Grant),
        (|_| CutoffScope::Global, RefusedBy::Session),
    ];
    for (scope, by) in table {
        on_every_engine(async |world| {
            let plan = issued(&world).await;
            let cutoff = Cutoff { scope: scope(&plan), at: later(30) };
            assert!(world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap());
            let outcome = rotate(&world, &rotate_plan(&plan, "second")).await;
            assert_eq!(outcome, RotateOutcome::Refused(by), "{cutoff:?}");
            assert_eq!(world.reasons().await.last().unwrap(), by.as_str());
        });
    }
}
