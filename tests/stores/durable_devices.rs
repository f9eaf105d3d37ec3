//! Enrolled phones: keys unique among all persons, a cap, codes used once.

use std::sync::Arc;

use sceau::base::{OsEntropy, PersonId};
use sceau::device::{Device, DeviceStatus};
use sceau::jose::Thumbprint;
use sceau::ports::{BindOutcome, BindPlan, Cutoff, CutoffScope, FenceKind};

use super::durable::{START, World, granted, on_every_engine, race, refused};
use super::durable_samples::{bind_plan, cast, device, fence, import, later, person};

async fn bind(world: &World, plan: &BindPlan) -> BindOutcome {
    world.stores.devices.bind(plan, &granted(), &refused()).await.unwrap()
}

#[test]
fn a_phone_is_found_by_id_key_and_holder() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let devices = &world.stores.devices;
        assert!(devices.find(cast.device.id).await.unwrap().unwrap() == cast.device);
        assert!(devices.find_by_key(&cast.device.jkt).await.unwrap().unwrap() == cast.device);
        assert!(devices.find_by_key(&Thumbprint::from_bytes([9; 32])).await.unwrap().is_none());
        let second = Device { created: later(5), ..device(cast.person.id) };
        assert_eq!(bind(&world, &bind_plan(&second)).await, BindOutcome::Bound);
        let list = devices.list(cast.person.id).await.unwrap();
        assert_eq!(list.iter().map(|phone| phone.id).collect::<Vec<_>>(), [cast.device.id, second.id]);
    });
}

#[test]
fn a_known_credential_or_key_is_refused_for_anybody_and_uses_nothing_up() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let other = person("899700000020");
        import(&world, &other).await;
        let same_credential = Device { credential_id: cast.device.credential_id.clone(), ..device(other.id) };
        let same_key = Device { jkt: cast.device.jkt, ..device(other.id) };
        for known in [same_credential, same_key] {
            let plan = bind_plan(&known);
            assert_eq!(bind(&world, &plan).await, BindOutcome::Duplicate);
            assert_eq!(world.reasons().await.last().unwrap(), "device_known");
            let fresh = BindPlan { fences: plan.fences, ..bind_plan(&device(other.id)) };
            assert_eq!(bind(&world, &fresh).await, BindOutcome::Bound, "the codes still serve");
        }
    });
}

#[test]
fn fifty_bindings_with_one_pair_of_codes_bind_one_phone() {
    on_every_engine(async |world| {
        let cast = Arc::new(cast(&world).await);
        let codes = fence(FenceKind::Activation);
        let outcomes = race(|_| {
            let (world, cast) = (world.clone(), Arc::clone(&cast));
            async move {
                let plan = BindPlan { fences: vec![codes], cap: 99, device: device(cast.person.id) };
                bind(&world, &plan).await
            }
        })
        .await;
        let winners = outcomes.iter().filter(|outcome| **outcome == BindOutcome::Bound).count();
        assert_eq!(winners, 1, "winners");
        assert_eq!(world.stores.devices.list(cast.person.id).await.unwrap().len(), 2);
        assert_eq!(world.reasons().await.last().unwrap(), "activation_replayed");
    });
}

#[test]
fn fifty_bindings_of_one_credential_bind_one_phone() {
    on_every_engine(async |world| {
        let cast = Arc::new(cast(&world).await);
        let phone = Arc::new(device(cast.person.id));
        let outcomes = race(|_| {
            let (world, phone) = (world.clone(), Arc::clone(&phone));
            async move {
                let fresh = device(phone.person);
                let again = Device { credential_id: phone.credential_id.clone(), ..fresh };
                bind(&world, &BindPlan { cap: 99, ..bind_plan(&again) }).await
            }
        })
        .await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == BindOutcome::Bound).count(), 1, "winners");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == BindOutcome::Duplicate).count(), 49);
    });
}

#[test]
fn a_person_has_at_most_as_many_active_phones_as_allowed() {
    on_every_engine(async |world| {
        let cast = Arc::new(cast(&world).await);
        let outcomes = race(|_| {
            let (world, cast) = (world.clone(), Arc::clone(&cast));
            async move { bind(&world, &bind_plan(&device(cast.person.id))).await }
        })
        .await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == BindOutcome::Bound).count(), 2);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == BindOutcome::Full).count(), 48);

        let cutoff = Cutoff { scope: CutoffScope::Device(cast.device.id), at: START };
        world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap();
        let revoked = world.stores.devices.find(cast.device.id).await.unwrap().unwrap();
        assert_eq!(revoked.status, DeviceStatus::Revoked);
        let next = bind_plan(&device(cast.person.id));
        assert_eq!(bind(&world, &next).await, BindOutcome::Bound, "a revoked phone leaves its place");
    });
}

#[test]
fn a_locked_or_unknown_person_binds_nothing() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let cutoff = Cutoff { scope: CutoffScope::Person(cast.person.id), at: START };
        world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap();
        for holder in [cast.person.id, PersonId::random(&OsEntropy)] {
            assert_eq!(bind(&world, &bind_plan(&device(holder))).await, BindOutcome::PersonInactive);
            assert_eq!(world.reasons().await.last().unwrap(), "person_inactive");
        }
    });
}
