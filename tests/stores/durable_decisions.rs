//! Decisions made on phones: approval and challenge once, counter never back.

use std::sync::Arc;

use sceau::base::{ApprovalId, OsEntropy};
use sceau::ports::{CommitOutcome, Cutoff, CutoffScope, Decision};

use super::durable::{START, World, granted, on_every_engine, race, refused};
use super::durable_samples::{Cast, cast, later};

async fn commit(world: &World, decision: &Decision) -> CommitOutcome {
    world.stores.decisions.commit(decision, &granted(), &refused()).await.unwrap()
}

async fn counter(world: &World, cast: &Cast) -> u32 {
    world.stores.devices.find(cast.device.id).await.unwrap().unwrap().sign_count
}

#[test]
fn a_decision_is_read_back_with_its_evidence() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let decision = cast.decision();
        assert!(world.stores.decisions.find(decision.approval).await.unwrap().is_none());
        assert_eq!(commit(&world, &decision).await, CommitOutcome::Committed);
        let found = world.stores.decisions.find(decision.approval).await.unwrap().unwrap();
        assert_eq!((found.proof, found.at), (cast.proof(), later(10)));
        let evidence = world.stores.decisions.evidence(decision.approval).await.unwrap().unwrap();
        assert_eq!(evidence.text, decision.evidence.text);
        assert_eq!(evidence.signature, decision.evidence.signature);
        assert_eq!(counter(&world, &cast).await, 6);
    });
}

#[test]
fn fifty_answers_to_one_approval_leave_one_decision() {
    on_every_engine(async |world| {
        let cast = Arc::new(cast(&world).await);
        let approval = ApprovalId::random(&OsEntropy);
        let outcomes = race(|_| {
            let (world, cast) = (world.clone(), Arc::clone(&cast));
            async move { commit(&world, &Decision { approval, ..cast.decision() }).await }
        })
        .await;
        let winners = outcomes.iter().filter(|outcome| **outcome == CommitOutcome::Committed).count();
        assert_eq!(winners, 1, "winners");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == CommitOutcome::Replayed).count(), 49);
        assert_eq!(world.reasons().await.last().unwrap(), "approval_replayed");
    });
}

#[test]
fn fifty_approvals_signed_by_one_challenge_leave_one_decision() {
    on_every_engine(async |world| {
        let cast = Arc::new(cast(&world).await);
        let challenge = cast.decision().challenge;
        let outcomes = race(|number| {
            let (world, cast) = (world.clone(), Arc::clone(&cast));
            let sign_count = 6 + u32::try_from(number).unwrap();
            async move { commit(&world, &Decision { challenge, sign_count, ..cast.decision() }).await }
        })
        .await;
        let winners = outcomes.iter().filter(|outcome| **outcome == CommitOutcome::Committed).count();
        assert_eq!(winners, 1, "winners");
        assert_eq!(world.reasons().await.last().unwrap(), "challenge_replayed");
    });
}

#[test]
fn a_counter_that_does_not_grow_changes_nothing() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        for sign_count in [5, 4, 0] {
            let decision = Decision { sign_count, ..cast.decision() };
            assert_eq!(commit(&world, &decision).await, CommitOutcome::CounterRegressed, "{sign_count}");
            assert_eq!(world.reasons().await.last().unwrap(), "counter_regressed");
            assert_eq!(counter(&world, &cast).await, 5);
            // Nothing was used up: the same approval and challenge with a good counter pass.
            let good = Decision { sign_count: 6, ..decision };
            if sign_count == 0 {
                assert_eq!(commit(&world, &good).await, CommitOutcome::Committed);
            }
        }
    });
}

#[test]
fn a_phone_that_keeps_no_counter_stays_at_zero() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let mut device = super::durable_samples::device(cast.person.id);
        device.sign_count = 0;
        let plan = super::durable_samples::bind_plan(&device);
        world.stores.devices.bind(&plan, &granted(), &refused()).await.unwrap();
        for _ in 0..2 {
            let decision = Decision { device: device.id, sign_count: 0, ..cast.decision() };
            assert_eq!(commit(&world, &decision).await, CommitOutcome::Committed);
        }
    });
}

#[test]
fn a_revoked_phone_or_a_locked_person_decides_nothing() {
    type Scope = fn(&Cast) -> CutoffScope;
    let table: [(Scope, &str); 2] = [
        (|cast| CutoffScope::Device(cast.device.id), "device_revoked"),
        (|cast| CutoffScope::Person(cast.person.id), "person_inactive"),
    ];
    for (scope, reason) in table {
        on_every_engine(async |world| {
            let cast = cast(&world).await;
            let cutoff = Cutoff { scope: scope(&cast), at: START };
            world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap();
            let decision = cast.decision();
            assert_eq!(commit(&world, &decision).await, CommitOutcome::DeviceRevoked);
            assert_eq!(world.reasons().await.last().unwrap(), reason);
            assert!(world.stores.decisions.find(decision.approval).await.unwrap().is_none());
        });
    }
}

#[test]
fn a_phone_does_not_decide_for_another_person() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let mut decision = cast.decision();
        decision.proof.person = sceau::base::PersonId::random(&OsEntropy);
        assert_eq!(commit(&world, &decision).await, CommitOutcome::DeviceRevoked);
    });
}

#[test]
fn an_approval_stays_decided_after_its_fence_is_purged() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let decision = cast.decision();
        commit(&world, &decision).await;
        world.stores.purge(later(10_000)).await.unwrap();
        let again = Decision { sign_count: 7, ..decision };
        assert_eq!(commit(&world, &again).await, CommitOutcome::Replayed);
        assert_eq!(counter(&world, &cast).await, 6);
    });
}
