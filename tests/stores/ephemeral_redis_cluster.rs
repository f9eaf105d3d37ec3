//! The contract on a cluster, and what happens when keys and masters move.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sceau::adapter::redis::History;
use sceau::base::{TestClock, TokenHash};
use sceau::ports::{ReplayKind, Sighting};

use super::ephemeral::{Kit, MILLISECOND, START};
use super::ephemeral_contract as contract;
use super::ephemeral_redis::{kit_over, store};
use super::ephemeral_redis_faults::{answered, seen};
use super::ephemeral_samples::{code, token};
use super::redis_groups::{Cluster, patiently};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_contract_in_a_cluster() {
    let cluster = Cluster::start().await;
    let kit = async || kit_on(&cluster).await;
    contract::one_shot_values(kit).await;
    contract::interaction_steps(kit).await;
    contract::approvals_opened_and_listed(kit).await;
    contract::approval_races(kit).await;
    contract::approval_waiters(kit).await;
    contract::sessions_and_access_tokens(kit).await;
    contract::identifiers_seen_and_counters(kit).await;
    contract::values_at_rest(kit).await;
}

/// One shard loses its memory, with every connection standing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_shard_is_noticed() {
    let cluster = Cluster::start().await;
    let kit = kit_on(&cluster).await;
    for master in &cluster.nodes[..3] {
        kit.clock.advance(MILLISECOND);
        let (kind, proofs) = used(&kit).await;
        let before = kit.replay.known_generation().number;
        master.server.command(&["FLUSHALL"]).await;
        let mut forgotten = 0;
        for proof in &proofs {
            let sighting = seen(&kit, kind, proof).await;
            assert_ne!(sighting, Sighting::First);
            forgotten += usize::from(sighting == Sighting::Forgotten);
        }
        assert!(forgotten > 0, "some were on that shard");
        assert!(kit.replay.known_generation().number > before);
        assert_eq!(seen(&kit, kit.proof(), &token(&kit)).await, Sighting::First);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn masters_and_slots_that_move_are_followed() {
    let mut cluster = Cluster::start().await;
    let kit = kit_on(&cluster).await;
    let other = kit_of(&cluster, "moving", kit.clock.clone()).await;
    let again = kit_of(&cluster, "moving", kit.clock.clone()).await;
    assert_eq!(other.replay.known_generation(), again.replay.known_generation(), "replicas agree");

    let (early, begun) = used(&kit).await;
    a_slot_is_moved(&cluster, &other).await;

    // Asked by its operator, a replica takes over: the old master sends to it.
    let (kind, proofs) = used(&other).await;
    let replica = &cluster.nodes[replica_of(&cluster, 1).await];
    replica.server.command(&["CLUSTER", "FAILOVER"]).await;
    replica.says(&["role:master"]).await;
    refused(&other, kind, &proofs).await;
    refused(&again, kind, &proofs).await;
    assert_eq!(other.replay.known_generation(), again.replay.known_generation());

    refused(&kit, early, &begun).await;

    // A master dies.
    let (kind, proofs) = used(&kit).await;
    let hashes: Vec<TokenHash> = (0..12).map(|_| token(&kit)).collect();
    for hash in &hashes {
        kit.one_shot.put_code(hash, &code(&kit, kit.soon())).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    cluster.nodes[0].server.kill();
    for hash in &hashes {
        assert!(answered(|| kit.one_shot.take_code(hash, kit.now())).await.is_some(), "replicated before");
    }
    refused(&kit, kind, &proofs).await;
    let (kind, proofs) = used(&kit).await;
    for proof in &proofs {
        assert_eq!(seen(&kit, kind, proof).await, Sighting::Again);
    }
    // Bells ring across the cluster.
    contract::approval_waiters(async || kit_on(&cluster).await).await;
}

/// The slot of a value goes to another master: first the value, asked for there, then the slot.
async fn a_slot_is_moved(cluster: &Cluster, kit: &Kit) {
    let generation = kit.replay.known_generation();
    let hash = token(kit);
    let payload = code(kit, kit.soon());
    kit.one_shot.put_code(&hash, &payload).await.unwrap();
    let key = format!("moving:{{code:{hash}}}");
    let slot: u16 = cluster.nodes[0].server.ask(&["CLUSTER", "KEYSLOT", &key]).await;
    let slot = slot.to_string();
    let mut ids = Vec::new();
    let (mut from, mut to) = (0, 0);
    for (at, master) in cluster.nodes[..3].iter().enumerate() {
        ids.push(master.server.ask::<String>(&["CLUSTER", "MYID"]).await);
        let here: usize = master.server.ask(&["CLUSTER", "COUNTKEYSINSLOT", &slot]).await;
        if here > 0 {
            (from, to) = (at, (at + 1) % 3);
        }
    }
    let (source, target) = (&cluster.nodes[from], &cluster.nodes[to]);
    target.server.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[from]]).await;
    source.server.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[to]]).await;
    let port = target.port.to_string();
    source.server.command(&["MIGRATE", "127.0.0.1", &port, &key, "0", "1000"]).await;
    assert!(kit.one_shot.take_code(&hash, kit.now()).await.unwrap().is_some(), "asked for where it went");
    kit.one_shot.put_code(&hash, &payload).await.unwrap();
    for master in &cluster.nodes[..3] {
        master.server.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids[to]]).await;
    }
    assert!(kit.one_shot.take_code(&hash, kit.now()).await.unwrap().is_some(), "found where it moved");
    assert_eq!(kit.replay.known_generation(), generation, "nothing was forgotten");
}

/// The index of the replica of master `master`.
async fn replica_of(cluster: &Cluster, master: usize) -> usize {
    let id: String = cluster.nodes[master].server.ask(&["CLUSTER", "MYID"]).await;
    let told: Vec<String> = cluster.nodes[master].server.ask(&["CLUSTER", "REPLICAS", &id]).await;
    let at = |node: &super::redis_groups::Listening| told[0].contains(&format!(":{}@", node.port));
    cluster.nodes.iter().position(at).unwrap()
}

/// Proofs on every shard, used.
async fn used(kit: &Kit) -> (ReplayKind, Vec<TokenHash>) {
    let proofs: Vec<TokenHash> = (0..12).map(|_| token(kit)).collect();
    let kind = kit.proof();
    for proof in &proofs {
        assert_eq!(seen(kit, kind, proof).await, Sighting::First);
    }
    (kind, proofs)
}

/// Within a moment, and never taken for new.
async fn refused(kit: &Kit, kind: ReplayKind, proofs: &[TokenHash]) {
    patiently(async || {
        let mut all = true;
        for proof in proofs {
            let sighting = seen(kit, kind, proof).await;
            assert_ne!(sighting, Sighting::First);
            all &= sighting == Sighting::Forgotten;
        }
        all
    })
    .await;
}

async fn kit_on(cluster: &Cluster) -> Kit {
    static PREFIXES: AtomicUsize = AtomicUsize::new(0);
    let prefix = format!("t{}", PREFIXES.fetch_add(1, Ordering::SeqCst));
    kit_of(cluster, &prefix, Arc::new(TestClock::at(START))).await
}

async fn kit_of(cluster: &Cluster, prefix: &str, clock: Arc<TestClock>) -> Kit {
    let store = Arc::new(store(&cluster.settings(prefix), &clock, History::None).await);
    let masters: Vec<_> = cluster.nodes[..3].iter().map(|node| &node.server).collect();
    kit_over(&masters, prefix, store, clock)
}
