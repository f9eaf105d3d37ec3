//! The gate: one use, and nothing to whoever no longer may.

use std::sync::Arc;

use sceau::base::{ClientId, OsEntropy, PersonId, Sid, TokenHash};
use sceau::oauth::Client;
use sceau::ports::{Cutoff, CutoffScope, FenceKind, IssueOutcome, IssuePlan, RefusedBy};

use super::durable::{START, World, granted, on_every_engine, race, refused};
use super::durable_samples::{Cast, cast, client, client_id, later};

async fn issue(world: &World, plan: &IssuePlan) -> IssueOutcome {
    world.stores.issuance.issue(plan, &granted(), &refused()).await.unwrap()
}

#[test]
fn a_code_gives_a_grant_a_family_and_the_phone_once() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let plan = cast.issue_plan();
        assert_eq!(issue(&world, &plan).await, IssueOutcome::Issued);

        let family = world.stores.grants.family(plan.family.as_ref().unwrap().id).await.unwrap().unwrap();
        assert_eq!((family.family.generation, family.family.dead), (0, false));
        assert_eq!(family.family.current, TokenHash::of("first"));
        assert_eq!(family.family.jkt, Some(cast.device.jkt));
        assert_eq!(family.family.previous, None);
        assert_eq!((family.family.absolute_expiry, family.family.idle_expiry), (later(3600), later(600)));
        assert_eq!(family.current_sealed, b"sealed first");
        assert_eq!((family.grant.id, family.grant.proof.clone()), (plan.grant.id, cast.proof()));
        assert_eq!(family.grant.nonce, plan.grant.nonce);
        assert_eq!(world.stores.issuance.device_of(plan.grant.id).await.unwrap(), Some(cast.device.id));

        let mut again = cast.issue_plan();
        again.fence = plan.fence;
        assert_eq!(issue(&world, &again).await, IssueOutcome::Replayed(plan.grant.id));
        assert_eq!(world.stores.issuance.device_of(again.grant.id).await.unwrap(), None);
        assert_eq!(world.reasons().await.last().unwrap(), "code_replayed");
    });
}

#[test]
fn fifty_redemptions_of_one_code_give_one_grant() {
    on_every_engine(async |world| {
        let cast = Arc::new(cast(&world).await);
        let fence = cast.issue_plan().fence;
        let before = world.verified().await;
        let outcomes = race(|_| {
            let (world, cast) = (world.clone(), Arc::clone(&cast));
            async move {
                let plan = IssuePlan { fence, ..cast.issue_plan() };
                (plan.grant.id, issue(&world, &plan).await)
            }
        })
        .await;
        let winners: Vec<_> =
            outcomes.iter().filter(|(_, outcome)| *outcome == IssueOutcome::Issued).collect();
        assert_eq!(winners.len(), 1, "winners");
        let first = IssueOutcome::Replayed(winners[0].0);
        assert_eq!(outcomes.iter().filter(|(_, outcome)| *outcome == first).count(), 49);
        assert_eq!(world.verified().await, before + 50);
    });
}

#[test]
fn a_thing_of_another_kind_with_the_same_hash_is_another_thing() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let plan = cast.issue_plan();
        let mut other = cast.issue_plan();
        other.fence = plan.fence;
        other.fence.kind = FenceKind::Approval;
        assert_eq!(issue(&world, &plan).await, IssueOutcome::Issued);
        assert_eq!(issue(&world, &other).await, IssueOutcome::Issued);
    });
}

#[test]
fn whoever_no_longer_may_gets_nothing_and_the_code_is_burnt() {
    type Scope = fn(&Cast, &IssuePlan) -> CutoffScope;
    let table: [(Scope, RefusedBy); 6] = [
        (|_, _| CutoffScope::Client(client_id()), RefusedBy::Client),
        (|cast, _| CutoffScope::Person(cast.person.id), RefusedBy::Person),
        (|cast, _| CutoffScope::Device(cast.device.id), RefusedBy::Device),
        (|_, plan| CutoffScope::Session(plan.grant.sid), RefusedBy::Session),
        (|_, plan| CutoffScope::Grant(plan.grant.id), RefusedBy::Grant),
        (|_, _| CutoffScope::Global, RefusedBy::Session),
    ];
    for (scope, by) in table {
        on_every_engine(async |world| {
            let cast = cast(&world).await;
            let plan = cast.issue_plan();
            let cutoff = Cutoff { scope: scope(&cast, &plan), at: START };
            assert!(world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap());

            assert_eq!(issue(&world, &plan).await, IssueOutcome::Refused(by), "{cutoff:?}");
            assert_eq!(world.reasons().await.last().unwrap(), by.as_str());
            assert!(world.stores.grants.family(plan.family.as_ref().unwrap().id).await.unwrap().is_none());
            assert_eq!(issue(&world, &plan).await, IssueOutcome::Replayed(plan.grant.id), "burnt");
        });
    }
}

#[test]
fn a_cut_off_before_the_authentication_refuses_nothing() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let before = START.minus(std::time::Duration::from_millis(1));
        let global = Cutoff { scope: CutoffScope::Global, at: before };
        world.stores.revocation.revoke(&global, &granted()).await.unwrap();
        let client_cut = Cutoff { scope: CutoffScope::Client(client_id()), at: before };
        world.stores.revocation.revoke(&client_cut, &granted()).await.unwrap();
        assert_eq!(issue(&world, &cast.issue_plan()).await, IssueOutcome::Refused(RefusedBy::Client));
        world.stores.clients.upsert(&client(), &granted()).await.unwrap();
        assert_eq!(issue(&world, &cast.issue_plan()).await, IssueOutcome::Issued);
    });
}

#[test]
fn cut_offs_of_others_refuse_nothing() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let other: ClientId = "another-service".parse().unwrap();
        let scopes = [
            CutoffScope::Client(other),
            CutoffScope::Person(PersonId::random(&OsEntropy)),
            CutoffScope::Session(Sid::random(&OsEntropy)),
        ];
        for scope in scopes {
            world.stores.revocation.revoke(&Cutoff { scope, at: later(60) }, &granted()).await.unwrap();
        }
        assert_eq!(issue(&world, &cast.issue_plan()).await, IssueOutcome::Issued);
    });
}

#[test]
fn unknown_client_person_or_phone_is_refused() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let mut plan = cast.issue_plan();
        plan.grant.client = "unknown-client".parse().unwrap();
        assert_eq!(issue(&world, &plan).await, IssueOutcome::Refused(RefusedBy::Client));
        let mut plan = cast.issue_plan();
        plan.grant.person = PersonId::random(&OsEntropy);
        assert_eq!(issue(&world, &plan).await, IssueOutcome::Refused(RefusedBy::Person));
        let mut plan = cast.issue_plan();
        plan.grant.proof.device = Some(sceau::base::DeviceId::random(&OsEntropy));
        assert_eq!(issue(&world, &plan).await, IssueOutcome::Refused(RefusedBy::Device));
        let mut plan = cast.issue_plan();
        plan.grant.proof.device = None;
        assert_eq!(issue(&world, &plan).await, IssueOutcome::Issued);
    });
}

#[test]
fn a_second_presentation_ends_what_the_first_one_gave_to_that_client_only() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let plan = cast.issue_plan();
        issue(&world, &plan).await;
        let other = Client { client_id: "another-service".parse().unwrap(), ..client() };
        let gate = &world.stores.issuance;
        let replay = async |hash: &TokenHash, client: &ClientId| {
            gate.replayed(FenceKind::Code, hash, client, &refused()).await.unwrap()
        };
        let family = plan.family.as_ref().unwrap().id;

        assert_eq!(replay(&TokenHash::of("never seen"), &client_id()).await, None);
        assert_eq!(world.reasons().await.last().unwrap(), "code_unknown");
        assert_eq!(replay(&plan.fence.hash, &other.client_id).await, None);
        assert!(!world.stores.grants.family(family).await.unwrap().unwrap().family.dead);

        assert_eq!(replay(&plan.fence.hash, &client_id()).await, Some(plan.grant.id));
        assert_eq!(world.reasons().await.last().unwrap(), "code_replayed");
        assert!(world.stores.grants.family(family).await.unwrap().unwrap().family.dead);
        let (cutoffs, _) = world.stores.revocation.changes_since(START).await.unwrap();
        assert_eq!(cutoffs, [Cutoff { scope: CutoffScope::Grant(plan.grant.id), at: START }]);
    });
}

#[test]
fn a_second_presentation_that_overtakes_the_first_ends_it_all_the_same() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let gate = &world.stores.issuance;
        let plan = cast.issue_plan();
        let client = client_id();
        let early = gate.replayed(FenceKind::Code, &plan.fence.hash, &client, &refused()).await.unwrap();
        assert_eq!(early, None);
        assert_eq!(issue(&world, &plan).await, IssueOutcome::IssuedAndEnded);
        let family = plan.family.as_ref().unwrap().id;
        assert!(world.stores.grants.family(family).await.unwrap().unwrap().family.dead);
        let (cutoffs, _) = world.stores.revocation.changes_since(START).await.unwrap();
        assert_eq!(cutoffs, [Cutoff { scope: CutoffScope::Grant(plan.grant.id), at: START }]);

        let spared = cast.issue_plan();
        let other: ClientId = "another-service".parse().unwrap();
        gate.replayed(FenceKind::Code, &spared.fence.hash, &other, &refused()).await.unwrap();
        assert_eq!(issue(&world, &spared).await, IssueOutcome::Issued, "another client ends nothing");
    });
}

#[test]
fn a_purge_forgets_what_cannot_be_presented_any_more() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let plan = cast.issue_plan();
        issue(&world, &plan).await;
        if world.tenant.is_some() {
            return; // by the partition: `postgres_partitions`
        }
        assert_eq!(world.stores.purge(plan.fence.life.until).await.unwrap(), 0);
        assert_eq!(issue(&world, &plan).await, IssueOutcome::Replayed(plan.grant.id));
        // The fence of the code and that of the enrolment; then the record of the issue.
        assert_eq!(world.stores.purge(later(121)).await.unwrap(), 2);
        assert_eq!(world.stores.purge(later(3601)).await.unwrap(), 1);
    });
}
