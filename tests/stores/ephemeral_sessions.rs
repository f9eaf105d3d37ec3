//! Contract of `Sessions` and `AccessTokens`.

use std::sync::Arc;

use super::ephemeral::{Kit, MILLISECOND, MINUTE, ROUNDS_OF_MANY, VALUES, is_conflict, race_for_each};
use super::ephemeral_samples::{record, session, token};

pub(super) async fn a_session_ends_by_idleness_unless_touched(kit: &Kit) {
    let (store, cookie, start) = (&kit.sessions, token(kit), kit.now());
    let begun = session(kit, start.plus(MINUTE), start.plus(MINUTE * 10));
    store.insert(&cookie, &begun).await.unwrap();
    let before = start.plus(MINUTE).minus(MILLISECOND);
    assert_eq!(store.load(&cookie, before).await.unwrap().unwrap().sid, begun.sid);
    assert!(store.touch(&cookie, start.plus(MINUTE * 2), before).await.unwrap());
    let touched = store.load(&cookie, start.plus(MINUTE)).await.unwrap().unwrap();
    assert_eq!((touched.idle_end, touched.person), (start.plus(MINUTE * 2), begun.person));
    kit.clock.set(start.plus(MINUTE * 2));
    assert!(store.load(&cookie, kit.now()).await.unwrap().is_none());
    assert!(!store.touch(&cookie, start.plus(MINUTE * 3), kit.now()).await.unwrap(), "dead ones stay dead");
    assert!(store.load(&cookie, kit.now()).await.unwrap().is_none());
}

pub(super) async fn a_session_never_outlives_its_absolute_end(kit: &Kit) {
    let (store, cookie, end) = (&kit.sessions, token(kit), kit.now().plus(MINUTE * 10));
    store.insert(&cookie, &session(kit, kit.soon(), end)).await.unwrap();
    assert!(store.touch(&cookie, end.plus(MINUTE), kit.now()).await.unwrap());
    assert!(store.load(&cookie, end.minus(MILLISECOND)).await.unwrap().is_some());
    assert!(store.load(&cookie, end).await.unwrap().is_none());
}

pub(super) async fn a_removed_session_stays_away(kit: &Kit) {
    let (store, cookie, now) = (&kit.sessions, token(kit), kit.now());
    let begun = session(kit, kit.soon(), kit.soon());
    store.insert(&cookie, &begun).await.unwrap();
    assert!(is_conflict(&store.insert(&cookie, &begun).await));
    store.remove(&cookie).await.unwrap();
    assert!(store.load(&cookie, now).await.unwrap().is_none());
    assert!(!store.touch(&cookie, kit.soon(), now).await.unwrap());
    assert!(store.load(&cookie, now).await.unwrap().is_none());
    store.remove(&cookie).await.unwrap();
}

pub(super) async fn a_record_lives_until_its_token_expires(kit: &Kit) {
    let (store, hash, expiry) = (&kit.access_tokens, token(kit), kit.soon());
    let kept = record(kit, expiry);
    store.put(&hash, &kept).await.unwrap();
    let loaded = store.load(&hash, expiry.minus(MILLISECOND)).await.unwrap().unwrap();
    assert_eq!(format!("{loaded:?}"), format!("{kept:?}"));
    assert!(store.load(&hash, expiry).await.unwrap().is_none());
    assert!(store.load(&token(kit), kit.now()).await.unwrap().is_none());
    store.remove(&hash).await.unwrap();
    assert!(store.load(&hash, kit.now()).await.unwrap().is_none());
}

pub(super) async fn a_taken_record_is_gone_and_a_dead_one_is_not_taken(kit: &Kit) {
    let (store, hash, expiry) = (&kit.access_tokens, token(kit), kit.soon());
    let kept = record(kit, expiry);
    store.put(&hash, &kept).await.unwrap();
    assert!(store.take(&token(kit), kit.now()).await.unwrap().is_none(), "another one");
    let taken = store.take(&hash, expiry.minus(MILLISECOND)).await.unwrap().unwrap();
    assert_eq!(format!("{taken:?}"), format!("{kept:?}"));
    assert!(store.take(&hash, kit.now()).await.unwrap().is_none());
    assert!(store.load(&hash, kit.now()).await.unwrap().is_none());
    let (dead, ended) = (token(kit), token(kit));
    store.put(&dead, &record(kit, expiry)).await.unwrap();
    assert!(store.take(&dead, expiry).await.unwrap().is_none());
    store.put(&ended, &record(kit, expiry)).await.unwrap();
    store.remove(&ended).await.unwrap();
    assert!(store.take(&ended, kit.now()).await.unwrap().is_none());
}

pub(super) async fn one_racer_takes_a_record(kit: &Kit) {
    let now = kit.now();
    for _ in 0..ROUNDS_OF_MANY {
        let hashes: Vec<_> = (0..VALUES).map(|_| token(kit)).collect();
        for hash in &hashes {
            kit.access_tokens.put(hash, &record(kit, kit.soon())).await.unwrap();
        }
        let store = Arc::clone(&kit.access_tokens);
        race_for_each(hashes, move |hash| {
            let store = Arc::clone(&store);
            async move { Ok(store.take(&hash, now).await?.is_some()) }
        })
        .await;
    }
}
