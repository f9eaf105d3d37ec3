//! The contract on a primary behind sentinels, and what happens when it is not the primary any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sceau::adapter::redis::{History, RedisStore};
use sceau::base::{SeededEntropy, TestClock};
use sceau::jose::Sealer;
use sceau::ports::{PortError, Sighting};

use super::ephemeral::{Kit, START};
use super::ephemeral_contract as contract;
use super::ephemeral_redis::{kit_around, store};
use super::ephemeral_redis_faults::{answered, seen};
use super::ephemeral_samples::{code, token};
use super::redis_groups::Group;

/// Races are run on one server and in a cluster: a primary behind sentinels is one server.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_contract_behind_sentinels() {
    let group = Group::start().await;
    let kit = async || kit_on(&group).await;
    contract::one_shot_values(kit).await;
    contract::interaction_steps(kit).await;
    contract::approvals_opened_and_listed(kit).await;
    contract::approval_waiters(kit).await;
    contract::sessions_and_access_tokens(kit).await;
    contract::identifiers_seen_and_counters(kit).await;
    contract::values_at_rest(kit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_replica_is_found_and_begins_a_new_generation() {
    let mut group = Group::start().await;
    let kit = kit_on(&group).await;
    let (used, unused, hash) = (token(&kit), token(&kit), token(&kit));
    let (made, nonce) = (kit.assertion(), kit.proof());
    for kind in [made, nonce] {
        assert_eq!(seen(&kit, kind, &used).await, Sighting::First);
    }
    kit.one_shot.put_code(&hash, &code(&kit, kit.soon())).await.unwrap();
    group.servers[1].says(&["master_link_status:up"]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    group.servers[0].server.kill();
    kit.clock.advance(Duration::from_secs(1));
    assert!(answered(|| kit.one_shot.take_code(&hash, kit.now())).await.is_some(), "replicated before");
    for (kind, hash) in [(made, &used), (nonce, &used), (made, &unused), (nonce, &unused)] {
        assert_eq!(seen(&kit, kind, hash).await, Sighting::Forgotten);
    }
    assert_eq!(seen(&kit, kit.proof(), &unused).await, Sighting::First);
    kit.clock.advance(Duration::from_secs(1));
    assert_eq!(seen(&kit, kit.assertion(), &unused).await, Sighting::First);
}

/// It answers, and says that it is a primary; its sentinels know better.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_none_any_more_is_left() {
    let group = Group::start().await;
    let kit = kit_on(&group).await;
    let (proof, nonce) = (token(&kit), kit.proof());
    assert_eq!(seen(&kit, nonce, &proof).await, Sighting::First);
    let other = &group.servers[1];
    other.server.command(&["REPLICAOF", "NO", "ONE"]).await;
    group.name(other.port).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    group.servers[0].says(&["role:master"]).await;
    assert_eq!(seen(&kit, nonce, &proof).await, Sighting::Forgotten, "of another history");
    let hash = token(&kit);
    kit.one_shot.put_code(&hash, &code(&kit, kit.soon())).await.unwrap();
    let keys =
        async |at: usize| group.servers[at].server.ask::<Vec<String>>(&["KEYS", "*{code:*"]).await.len();
    assert_eq!((keys(0).await, keys(1).await), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sentinels_name_must_be_a_primary() {
    let group = Group::start().await;
    group.name(group.servers[1].port).await;
    let (sealer, entropy) = (Sealer::new(1, &[5; 32]), Arc::new(SeededEntropy::new(1)));
    let clock = Arc::new(TestClock::at(START));
    let refused = RedisStore::connect(&group.settings("sceau"), sealer, entropy, clock, History::None).await;
    let Err(PortError::Unavailable(sentence)) = refused else { panic!("it was taken") };
    assert!(sentence.contains("it is not a primary"), "{sentence}");
}

async fn kit_on(group: &Group) -> Kit {
    static PREFIXES: AtomicUsize = AtomicUsize::new(0);
    let prefix = format!("t{}", PREFIXES.fetch_add(1, Ordering::SeqCst));
    let clock = Arc::new(TestClock::at(START));
    let store = Arc::new(store(&group.settings(&prefix), &clock, History::None).await);
    kit_around(&group.servers[0].server, &prefix, store, clock)
}
