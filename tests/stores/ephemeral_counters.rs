//! Contract of `Replay` and `Throttle`.

use std::sync::Arc;

use sceau::base::UnixTime;
use sceau::ports::{ReplayKind, Sighting, ThrottleRule};

use super::ephemeral::{
    Kit, MILLISECOND, MINUTE, RACERS, ROUNDS, ROUNDS_OF_MANY, VALUES, race, race_for_each, winners,
};
use super::ephemeral_samples::token;

const RULE: ThrottleRule = ThrottleRule { name: "contract", limit: 3, window: MINUTE };

pub(super) async fn an_identifier_is_first_once_per_kind(kit: &Kit) {
    let (store, hash, now, until) = (&kit.replay, token(kit), kit.now(), kit.soon());
    let seen = async |kind, hash| store.first_seen(kind, hash, until, now).await.unwrap();
    assert_eq!(seen(kit.proof(), &hash).await, Sighting::First);
    assert_eq!(seen(kit.proof(), &hash).await, Sighting::Again);
    assert_eq!(seen(kit.assertion(), &hash).await, Sighting::First);
    assert_eq!(seen(kit.proof(), &token(kit)).await, Sighting::First);
}

pub(super) async fn an_identifier_is_remembered_until_its_time(kit: &Kit) {
    let (store, hash, until) = (&kit.replay, token(kit), kit.soon());
    let kind = kit.proof();
    let first =
        async |until, now| store.first_seen(kind, &hash, until, now).await.unwrap() == Sighting::First;
    assert!(first(until, kit.now()).await);
    let before = until.minus(MILLISECOND);
    assert!(!first(until.plus(MINUTE), before).await, "asking again moves nothing");
    assert!(!first(until, until).await, "what cannot be remembered is not first");
    kit.clock.set(until);
    assert!(first(until.plus(MINUTE), until).await);
}

pub(super) async fn one_racer_is_first(kit: &Kit) {
    let (now, until) = (kit.now(), kit.soon());
    for _ in 0..ROUNDS_OF_MANY {
        let hashes = (0..VALUES).map(|_| token(kit)).collect();
        let (store, kind) = (Arc::clone(&kit.replay), kit.assertion());
        race_for_each(hashes, move |hash| {
            let store = Arc::clone(&store);
            async move {
                let seen = store.first_seen(kind, &hash, until, now).await;
                seen.map(|seen| seen == Sighting::First)
            }
        })
        .await;
    }
}

/// A nonce of another generation, an assertion that was made before the memory began.
pub(super) async fn what_is_older_than_the_memory_is_not_first(kit: &Kit) {
    let (store, now, until) = (&kit.replay, kit.now(), kit.soon());
    let generation = store.generation().await.unwrap();
    assert_eq!(generation, store.known_generation());
    let proof = |generation| ReplayKind::DpopProof { generation };
    for foreign in [generation.number.wrapping_sub(1), generation.number.wrapping_add(1)] {
        let seen = store.first_seen(proof(foreign), &token(kit), until, now).await.unwrap();
        assert_eq!(seen, Sighting::Forgotten);
    }
    for (after, expected) in [(-1, Sighting::Forgotten), (0, Sighting::Forgotten), (1, Sighting::First)] {
        let made = UnixTime::from_millis(generation.complete_since.millis() + after);
        let assertion = ReplayKind::ClientAssertion { made };
        let seen = store.first_seen(assertion, &token(kit), until, now).await.unwrap();
        assert_eq!(seen, expected, "{after}");
    }
}

pub(super) async fn a_window_begins_with_its_first_event(kit: &Kit) {
    let (store, start) = (&kit.throttle, kit.now());
    let last = start.plus(MINUTE).minus(MILLISECOND);
    for now in [start, start.plus(MINUTE / 2), last] {
        assert!(store.allows(RULE, b"subject", now).await.unwrap());
        assert!(store.hit(RULE, b"subject", now).await.unwrap());
    }
    assert!(!store.allows(RULE, b"subject", last).await.unwrap());
    assert!(!store.hit(RULE, b"subject", last).await.unwrap());
    kit.clock.set(start.plus(MINUTE));
    assert!(store.allows(RULE, b"subject", kit.now()).await.unwrap());
    assert!(store.hit(RULE, b"subject", kit.now()).await.unwrap());
}

pub(super) async fn counters_are_apart(kit: &Kit) {
    let (store, now) = (&kit.throttle, kit.now());
    let once = ThrottleRule { limit: 1, ..RULE };
    let other = ThrottleRule { name: "contract-", ..once };
    assert!(store.hit(once, b"-a", now).await.unwrap());
    assert!(!store.hit(once, b"-a", now).await.unwrap());
    assert!(store.hit(once, b"b", now).await.unwrap(), "another subject");
    assert!(store.hit(other, b"a", now).await.unwrap(), "another name");
    let never = ThrottleRule { name: "never", limit: 0, ..RULE };
    assert!(!store.allows(never, b"a", now).await.unwrap());
    assert!(!store.hit(never, b"a", now).await.unwrap());
}

pub(super) async fn racers_get_exactly_the_limit(kit: &Kit) {
    let now = kit.now();
    let rule = ThrottleRule { limit: 7, ..RULE };
    for round in 0..ROUNDS {
        let hit = |_| {
            let store = Arc::clone(&kit.throttle);
            async move { store.hit(rule, &round.to_be_bytes(), now).await }
        };
        let answers = race(hit).await;
        assert_eq!(answers.len(), RACERS);
        assert_eq!(winners(answers), 7);
    }
}
