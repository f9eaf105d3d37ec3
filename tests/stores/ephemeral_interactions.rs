//! Contract of `Interactions`.

use std::sync::Arc;

use sceau::base::{OsEntropy, PersonId};
use sceau::interaction::{Interaction, Step};

use super::ephemeral::{Kit, MILLISECOND, ROUNDS_OF_MANY, VALUES, is_conflict, race_for_each};
use super::ephemeral_samples::interaction;

pub(super) async fn steps_count_up_and_a_late_one_changes_nothing(kit: &Kit) {
    let (store, now) = (&kit.interactions, kit.now());
    let begun = interaction(kit, kit.soon());
    store.insert(&begun).await.unwrap();
    let loaded = store.load(begun.id, now).await.unwrap().unwrap();
    assert_eq!(loaded.version, 0);
    assert_eq!(format!("{:?}", loaded.value), format!("{begun:?}"));

    let step = Step::Consent { person: PersonId::random(&OsEntropy) };
    let consent = Interaction { step: step.clone(), ..begun.clone() };
    assert!(store.advance(0, &consent).await.unwrap());
    let late = Interaction { step: Step::Done, ..begun.clone() };
    assert!(!store.advance(0, &late).await.unwrap(), "the version has moved");
    assert!(!store.advance(2, &late).await.unwrap(), "a version to come");
    let loaded = store.load(begun.id, now).await.unwrap().unwrap();
    assert_eq!((loaded.version, loaded.value.step), (1, step));
    assert!(store.advance(1, &late).await.unwrap());
    assert_eq!(store.load(begun.id, now).await.unwrap().unwrap().version, 2);
}

pub(super) async fn an_identifier_is_added_once(kit: &Kit) {
    let begun = interaction(kit, kit.soon());
    kit.interactions.insert(&begun).await.unwrap();
    assert!(kit.interactions.advance(0, &begun).await.unwrap());
    assert!(is_conflict(&kit.interactions.insert(&begun).await));
    assert_eq!(kit.interactions.load(begun.id, kit.now()).await.unwrap().unwrap().version, 1);
}

pub(super) async fn it_is_gone_at_its_deadline(kit: &Kit) {
    let (store, deadline) = (&kit.interactions, kit.soon());
    let begun = interaction(kit, deadline);
    store.insert(&begun).await.unwrap();
    kit.clock.set(deadline.minus(MILLISECOND));
    assert!(store.load(begun.id, kit.now()).await.unwrap().is_some());
    assert!(store.advance(0, &begun).await.unwrap());
    kit.clock.set(deadline);
    assert!(store.load(begun.id, kit.now()).await.unwrap().is_none());
    assert!(!store.advance(1, &begun).await.unwrap());
    let never = interaction(kit, kit.soon());
    assert!(!store.advance(0, &never).await.unwrap(), "never added");
    assert!(store.load(never.id, kit.now()).await.unwrap().is_none());
}

pub(super) async fn one_racer_advances(kit: &Kit) {
    for _ in 0..ROUNDS_OF_MANY {
        let begun: Vec<_> = (0..VALUES).map(|_| interaction(kit, kit.soon())).collect();
        for interaction in &begun {
            kit.interactions.insert(interaction).await.unwrap();
        }
        let store = Arc::clone(&kit.interactions);
        race_for_each(begun.clone(), move |next| {
            let store = Arc::clone(&store);
            async move { store.advance(0, &next).await }
        })
        .await;
        let last = kit.interactions.load(begun[0].id, kit.now()).await.unwrap().unwrap();
        assert_eq!(last.version, 1);
    }
}
