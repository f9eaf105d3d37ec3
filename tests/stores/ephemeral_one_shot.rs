//! Contract of `OneShot`.

use std::sync::Arc;

use sceau::base::InteractionId;
use sceau::device::ActivationCodes;

use super::ephemeral::{Kit, MILLISECOND, MINUTE, ROUNDS_OF_MANY, VALUES, race_for_each};
use super::ephemeral_samples::{
    activation, ceremony, code, enrolment, enrolment_ticket, federation, pushed, token,
};

pub(super) async fn every_value_is_taken_once(kit: &Kit) {
    let (store, now) = (&kit.one_shot, kit.now());
    let (hash, payload) = (token(kit), code(kit, kit.soon()));
    store.put_code(&hash, &payload).await.unwrap();
    let taken = store.take_code(&hash, now).await.unwrap().unwrap();
    assert_eq!(format!("{taken:?}"), format!("{payload:?}"));
    assert!(store.take_code(&hash, now).await.unwrap().is_none());

    let asked = ceremony(kit, kit.soon());
    store.put_ceremony(&asked).await.unwrap();
    let taken = store.take_ceremony(asked.approval, asked.device, now).await.unwrap().unwrap();
    assert_eq!((taken.challenge, taken.state), (asked.challenge, asked.state));
    assert!(store.take_ceremony(asked.approval, asked.device, now).await.unwrap().is_none());

    let pending = enrolment(kit, kit.soon());
    store.put_enrolment(&pending).await.unwrap();
    assert_eq!(store.take_enrolment(pending.id, now).await.unwrap(), Some(pending.clone()));
    assert!(store.take_enrolment(pending.id, now).await.unwrap().is_none());

    let (hash, ticket) = (token(kit), enrolment_ticket(kit, kit.soon()));
    store.put_enrolment_ticket(&hash, &ticket).await.unwrap();
    assert!(store.take_enrolment_ticket(&token(kit), now).await.unwrap().is_none(), "another one");
    assert_eq!(store.take_enrolment_ticket(&hash, now).await.unwrap(), Some(ticket));
    assert!(store.take_enrolment_ticket(&hash, now).await.unwrap().is_none());

    let codes = activation(kit, Some(kit.soon()));
    store.put_activation(&codes).await.unwrap();
    assert_eq!(store.take_activation(codes.person, now).await.unwrap(), Some(codes.clone()));
    assert!(store.take_activation(codes.person, now).await.unwrap().is_none());

    let (state, ticket) = (token(kit), federation(kit, kit.soon()));
    store.put_federation(&state, &ticket).await.unwrap();
    assert!(store.take_federation(&token(kit), now).await.unwrap().is_none());
    assert_eq!(store.take_federation(&state, now).await.unwrap(), Some(ticket));
    assert!(store.take_federation(&state, now).await.unwrap().is_none());
}

pub(super) async fn nothing_is_given_from_its_deadline_on(kit: &Kit) {
    let (store, deadline) = (&kit.one_shot, kit.soon());
    let before = deadline.minus(MILLISECOND);
    for (now, alive) in [(before, true), (deadline, false), (deadline.plus(MILLISECOND), false)] {
        let (hash, uri) = (token(kit), token(kit));
        store.put_code(&hash, &code(kit, deadline)).await.unwrap();
        assert_eq!(store.take_code(&hash, now).await.unwrap().is_some(), alive);

        store.put_pushed(&uri, &pushed(deadline)).await.unwrap();
        assert_eq!(store.load_pushed(&uri, now).await.unwrap().is_some(), alive);
        assert!(
            store.finish_pushed(&uri, anybody(kit), now).await.unwrap(),
            "an interaction it opened may still be answered"
        );

        let asked = ceremony(kit, deadline);
        store.put_ceremony(&asked).await.unwrap();
        assert_eq!(store.take_ceremony(asked.approval, asked.device, now).await.unwrap().is_some(), alive);

        let pending = enrolment(kit, deadline);
        store.put_enrolment(&pending).await.unwrap();
        assert_eq!(store.take_enrolment(pending.id, now).await.unwrap().is_some(), alive);

        store.put_enrolment_ticket(&hash, &enrolment_ticket(kit, deadline)).await.unwrap();
        assert_eq!(store.take_enrolment_ticket(&hash, now).await.unwrap().is_some(), alive);

        let codes = activation(kit, Some(deadline));
        store.put_activation(&codes).await.unwrap();
        assert_eq!(store.take_activation(codes.person, now).await.unwrap().is_some(), alive);

        let state = token(kit);
        store.put_federation(&state, &federation(kit, deadline)).await.unwrap();
        assert_eq!(store.take_federation(&state, now).await.unwrap().is_some(), alive);
    }
}

pub(super) async fn codes_of_the_demonstration_have_no_deadline(kit: &Kit) {
    let codes = activation(kit, None);
    kit.one_shot.put_activation(&codes).await.unwrap();
    let in_ten_years = kit.now().plus(MINUTE * 60 * 24 * 3650);
    assert!(kit.one_shot.take_activation(codes.person, in_ten_years).await.unwrap().is_some());
}

pub(super) async fn a_pushed_request_is_read_until_it_is_finished(kit: &Kit) {
    let (store, now, uri) = (&kit.one_shot, kit.now(), token(kit));
    assert!(!store.finish_pushed(&uri, anybody(kit), now).await.unwrap(), "unknown");
    store.put_pushed(&uri, &pushed(kit.soon())).await.unwrap();
    for _ in 0..2 {
        let loaded = store.load_pushed(&uri, now).await.unwrap().unwrap();
        assert_eq!(loaded.parameters, pushed(now).parameters);
    }
    let first = anybody(kit);
    assert!(store.finish_pushed(&uri, first, now).await.unwrap());
    assert!(store.load_pushed(&uri, now).await.unwrap().is_none());
    assert!(!store.finish_pushed(&uri, anybody(kit), now).await.unwrap());
    assert!(store.finish_pushed(&uri, first, now).await.unwrap(), "the same one may ask again");
}

pub(super) async fn a_pushed_request_is_kept_for_the_interactions_it_opened(kit: &Kit) {
    let (store, request) = (&kit.one_shot, pushed(kit.soon()));
    let before = request.kept_until.minus(MILLISECOND);
    for (now, kept) in [(before, true), (request.kept_until, false)] {
        let uri = token(kit);
        store.put_pushed(&uri, &request).await.unwrap();
        assert!(store.load_pushed(&uri, now).await.unwrap().is_none(), "nothing new is opened");
        assert_eq!(store.finish_pushed(&uri, anybody(kit), now).await.unwrap(), kept);
    }
}

pub(super) async fn a_new_ceremony_or_code_replaces_the_earlier_one(kit: &Kit) {
    let (store, now) = (&kit.one_shot, kit.now());
    let first = ceremony(kit, kit.soon());
    let mut second = ceremony(kit, kit.soon());
    (second.approval, second.device) = (first.approval, first.device);
    let mut elsewhere = ceremony(kit, kit.soon());
    elsewhere.approval = first.approval;
    for asked in [&first, &second, &elsewhere] {
        store.put_ceremony(asked).await.unwrap();
    }
    let taken = store.take_ceremony(first.approval, first.device, now).await.unwrap().unwrap();
    assert_eq!(taken.challenge, second.challenge);
    assert!(store.take_ceremony(first.approval, first.device, now).await.unwrap().is_none());
    let other = store.take_ceremony(first.approval, elsewhere.device, now).await.unwrap().unwrap();
    assert_eq!(other.challenge, elsewhere.challenge, "another phone has its own");

    let mut codes = activation(kit, Some(kit.soon()));
    store.put_activation(&codes).await.unwrap();
    codes.tries = 1;
    store.put_activation(&codes).await.unwrap();
    assert_eq!(store.take_activation(codes.person, now).await.unwrap().unwrap().tries, 1);
}

pub(super) async fn codes_put_back_do_not_replace_newer_ones(kit: &Kit) {
    let (store, now) = (&kit.one_shot, kit.now());
    let mut old = activation(kit, Some(kit.soon()));
    old.tries = 1;
    store.put_back_activation(&old).await.unwrap();
    let newer = ActivationCodes { tries: 0, ..old.clone() };
    store.put_activation(&newer).await.unwrap();
    store.put_back_activation(&old).await.unwrap();
    assert_eq!(store.take_activation(old.person, now).await.unwrap(), Some(newer));
    store.put_back_activation(&old).await.unwrap();
    assert_eq!(store.take_activation(old.person, now).await.unwrap(), Some(old));
}

pub(super) async fn one_racer_takes_a_value(kit: &Kit) {
    let now = kit.now();
    for _ in 0..ROUNDS_OF_MANY {
        let codes: Vec<_> = (0..VALUES).map(|_| token(kit)).collect();
        let tickets: Vec<_> = (0..VALUES).map(|_| token(kit)).collect();
        for hash in &tickets {
            kit.one_shot.put_enrolment_ticket(hash, &enrolment_ticket(kit, kit.soon())).await.unwrap();
        }
        let ceremonies: Vec<_> = (0..VALUES).map(|_| ceremony(kit, kit.soon())).collect();
        for (code_hash, asked) in codes.iter().zip(&ceremonies) {
            kit.one_shot.put_code(code_hash, &code(kit, kit.soon())).await.unwrap();
            kit.one_shot.put_ceremony(asked).await.unwrap();
        }
        let store = Arc::clone(&kit.one_shot);
        race_for_each(codes, move |hash| {
            let store = Arc::clone(&store);
            async move { Ok(store.take_code(&hash, now).await?.is_some()) }
        })
        .await;
        let store = Arc::clone(&kit.one_shot);
        race_for_each(tickets, move |hash| {
            let store = Arc::clone(&store);
            async move { Ok(store.take_enrolment_ticket(&hash, now).await?.is_some()) }
        })
        .await;
        let store = Arc::clone(&kit.one_shot);
        race_for_each(ceremonies, move |asked| {
            let store = Arc::clone(&store);
            async move { Ok(store.take_ceremony(asked.approval, asked.device, now).await?.is_some()) }
        })
        .await;
    }
}

pub(super) async fn one_racer_finishes_a_pushed_request(kit: &Kit) {
    let now = kit.now();
    for _ in 0..ROUNDS_OF_MANY {
        let uris: Vec<_> = (0..VALUES).map(|_| token(kit)).collect();
        for uri in &uris {
            kit.one_shot.put_pushed(uri, &pushed(kit.soon())).await.unwrap();
        }
        let (store, entropy) = (Arc::clone(&kit.one_shot), Arc::clone(&kit.entropy));
        race_for_each(uris, move |uri| {
            let (store, by) = (Arc::clone(&store), InteractionId::random(&*entropy));
            async move { store.finish_pushed(&uri, by, now).await }
        })
        .await;
    }
}

fn anybody(kit: &Kit) -> InteractionId {
    InteractionId::random(&*kit.entropy)
}
