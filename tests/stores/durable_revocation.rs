//! Revocation and how the other replicas hear of it.

use std::time::Duration;

use sceau::base::{OsEntropy, Sid, UnixTime};
use sceau::identity::PersonStatus;
use sceau::ports::{Cutoff, CutoffScope};

use super::durable::{START, World, granted, on_every_engine, race};
use super::durable_samples::{cast, client_id, later};

async fn revoke(world: &World, scope: CutoffScope, at: UnixTime) -> bool {
    world.stores.revocation.revoke(&Cutoff { scope, at }, &granted()).await.unwrap()
}

#[test]
fn a_revocation_that_changes_nothing_says_so_and_records_nothing() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let sid = Sid::random(&OsEntropy);
        let scopes = [
            CutoffScope::Global,
            CutoffScope::Client(client_id()),
            CutoffScope::Person(cast.person.id),
            CutoffScope::Device(cast.device.id),
            CutoffScope::Session(sid),
        ];
        for scope in scopes {
            assert!(revoke(&world, scope.clone(), START).await, "{scope:?}");
            let rows = world.verified().await;
            assert!(!revoke(&world, scope.clone(), START).await, "{scope:?}");
            assert_eq!(world.verified().await, rows);
        }
        assert!(revoke(&world, CutoffScope::Global, later(1)).await, "a later cut-off covers more");
        assert!(!revoke(&world, CutoffScope::Session(sid), later(1)).await, "an ended session is ended");
        let person = world.stores.persons.find(cast.person.id).await.unwrap().unwrap();
        assert_eq!(person.status, PersonStatus::Locked);
    });
}

#[test]
fn fifty_revocations_of_one_session_change_it_once() {
    on_every_engine(async |world| {
        let sid = Sid::random(&OsEntropy);
        let outcomes = race(|_| {
            let world = world.clone();
            async move { revoke(&world, CutoffScope::Session(sid), START).await }
        })
        .await;
        assert_eq!(outcomes.into_iter().filter(|changed| *changed).count(), 1);
    });
}

#[test]
fn a_replica_reads_changes_with_an_overlap_by_the_store_clock() {
    on_every_engine(async |world| {
        let revocation = &world.stores.revocation;
        let [first, second] = [1, 2].map(|_| CutoffScope::Session(Sid::random(&OsEntropy)));
        // Written at START, though it speaks of an earlier time.
        revoke(&world, first.clone(), START.minus(Duration::from_hours(1))).await;
        let (seen, next) = revocation.changes_since(START).await.unwrap();
        assert_eq!((seen.len(), next), (1, START));
        assert_eq!(seen[0], Cutoff { scope: first, at: START.minus(Duration::from_hours(1)) });

        world.clock.advance(Duration::from_secs(10));
        revoke(&world, second.clone(), START).await;
        let (seen, next) = revocation.changes_since(later(10)).await.unwrap();
        assert_eq!((seen.len(), next), (2, later(10)), "the overlap");
        let (seen, _) = revocation.changes_since(later(10).plus(Duration::from_millis(1))).await.unwrap();
        assert_eq!(seen.into_iter().map(|cutoff| cutoff.scope).collect::<Vec<_>>(), [second]);
    });
}

#[test]
fn every_scope_is_read_back() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let grant = cast.grant();
        let scopes = [
            CutoffScope::Client(client_id()),
            CutoffScope::Device(cast.device.id),
            CutoffScope::Global,
            CutoffScope::Grant(grant.id),
            CutoffScope::Person(cast.person.id),
            CutoffScope::Session(grant.sid),
        ];
        for scope in &scopes {
            revoke(&world, scope.clone(), START).await;
        }
        let (seen, _) = world.stores.revocation.changes_since(START).await.unwrap();
        assert_eq!(seen.into_iter().map(|cutoff| cutoff.scope).collect::<Vec<_>>(), scopes);
    });
}

#[test]
fn the_end_of_a_session_ends_its_families() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let (ended, other) = (cast.issue_plan(), cast.issue_plan());
        for plan in [&ended, &other] {
            world.stores.issuance.issue(plan, &granted(), &granted()).await.unwrap();
        }
        assert!(revoke(&world, CutoffScope::Session(ended.grant.sid), later(5)).await);
        for (plan, dead) in [(&ended, true), (&other, false)] {
            let family = plan.family.as_ref().unwrap().id;
            let stored = world.stores.grants.family(family).await.unwrap().unwrap();
            assert_eq!(stored.family.dead, dead);
        }
    });
}
