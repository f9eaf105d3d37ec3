//! The contract on a real Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use sceau::adapter::redis::{History, RedisSettings, RedisStore};
use sceau::adapter::sealed_value::{Head, SealedValue, State};
use sceau::base::{SeededEntropy, TestClock, UnixTime};
use sceau::jose::Sealer;

use super::ephemeral::{AtRest, Kit, START};
use super::ephemeral_contract as contract;
use super::redis_server::{Server, shared};

#[tokio::test]
async fn one_shot_values() {
    contract::one_shot_values(kit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_shot_races() {
    contract::one_shot_races(kit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn interaction_steps() {
    contract::interaction_steps(kit).await;
}

#[tokio::test]
async fn approvals_opened_and_listed() {
    contract::approvals_opened_and_listed(kit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn approval_races() {
    contract::approval_races(kit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn approval_waiters() {
    contract::approval_waiters(kit).await;
}

#[tokio::test]
async fn sessions_and_access_tokens() {
    contract::sessions_and_access_tokens(kit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn identifiers_seen_and_counters() {
    contract::identifiers_seen_and_counters(kit).await;
}

#[tokio::test]
async fn values_at_rest() {
    contract::values_at_rest(kit).await;
}

/// A kit with a prefix of its own on the server that all tests share.
async fn kit() -> Kit {
    static PREFIXES: AtomicUsize = AtomicUsize::new(0);
    let prefix = format!("t{}", PREFIXES.fetch_add(1, Ordering::SeqCst));
    let clock = Arc::new(TestClock::at(START));
    let settings = RedisSettings { prefix, ..shared().settings() };
    let store = store(&settings, &clock, History::None).await;
    kit_around(shared(), &settings.prefix, Arc::new(store), clock)
}

pub(super) async fn store(settings: &RedisSettings, clock: &Arc<TestClock>, history: History) -> RedisStore {
    let (sealer, entropy) = (Sealer::new(1, &[5; 32]), Arc::new(SeededEntropy::new(1)));
    RedisStore::connect(settings, sealer, entropy, clock.clone(), history).await.unwrap()
}

pub(super) fn kit_around(
    server: &Server,
    prefix: &str,
    store: Arc<RedisStore>,
    clock: Arc<TestClock>,
) -> Kit {
    kit_over(&[server], prefix, store, clock)
}

/// A kit whose values are on several servers, each on one.
pub(super) fn kit_over(
    servers: &[&Server],
    prefix: &str,
    store: Arc<RedisStore>,
    clock: Arc<TestClock>,
) -> Kit {
    let clients = servers.iter().map(|server| redis::Client::open(server.url()).unwrap()).collect();
    let raw = Raw { clients, prefix: prefix.to_owned() };
    Kit {
        one_shot: store.clone(),
        interactions: store.clone(),
        approvals: store.clone(),
        sessions: store.clone(),
        access_tokens: store.clone(),
        replay: store.clone(),
        throttle: store,
        at_rest: Arc::new(raw),
        clock,
        entropy: Arc::new(SeededEntropy::new(2)),
    }
}

/// The view of whoever speaks to Redis. The key of a value is its place; that of an entry in the list of a recipient
/// is `list/approval`.
struct Raw {
    clients: Vec<redis::Client>,
    prefix: String,
}

impl Raw {
    /// A connection to the server that has `key`.
    async fn home(&self, key: &str) -> MultiplexedConnection {
        for client in &self.clients {
            let mut redis = client.get_multiplexed_async_connection().await.unwrap();
            if redis::cmd("EXISTS").arg(key).query_async(&mut redis).await == Ok(1) {
                return redis;
            }
        }
        panic!("no server has {key}");
    }

    async fn keys(&self) -> Vec<String> {
        let mut all = Vec::new();
        for client in &self.clients {
            let mut redis = client.get_multiplexed_async_connection().await.unwrap();
            let pattern = format!("{}:{{*", self.prefix);
            all.extend::<Vec<String>>(redis::cmd("KEYS").arg(pattern).query_async(&mut redis).await.unwrap());
        }
        all
    }
}

#[async_trait]
impl AtRest for Raw {
    async fn dump(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        for key in self.keys().await {
            let mut redis = self.home(&key).await;
            let place = key.split_once('{').unwrap().1.strip_suffix('}').unwrap().to_owned();
            let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut redis).await.unwrap();
            let life: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut redis).await.unwrap();
            assert!(life > 0, "{key} stays for ever");
            match (kind.as_str(), place.split(':').next().unwrap()) {
                ("string", _) => {
                    found.push((place, redis::cmd("GET").arg(&key).query_async(&mut redis).await.unwrap()));
                }
                (_, "recipient" | "counter") => {
                    for (field, entry) in fields(&mut redis, &key).await {
                        let sealed = entry.get(NUMBER..).unwrap_or(&entry).to_vec();
                        found.push((format!("{place}/{field}"), sealed));
                    }
                }
                _ => found.push((place, steps(&fields(&mut redis, &key).await))),
            }
        }
        found
    }

    async fn overwrite(&self, place: &str, bytes: &[u8]) {
        if let Some((list, field)) = place.split_once('/') {
            let key = format!("{}:{{{list}}}", self.prefix);
            let mut redis = self.home(&key).await;
            let entry: Vec<u8> =
                redis::cmd("HGET").arg(&key).arg(field).query_async(&mut redis).await.unwrap();
            let entry = [&entry[..NUMBER], bytes].concat();
            return redis::cmd("HSET").arg(&key).arg(field).arg(entry).exec_async(&mut redis).await.unwrap();
        }
        let key = format!("{}:{{{place}}}", self.prefix);
        let mut redis = self.home(&key).await;
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut redis).await.unwrap();
        if kind == "string" {
            return redis::cmd("SET")
                .arg(key)
                .arg(bytes)
                .arg("KEEPTTL")
                .exec_async(&mut redis)
                .await
                .unwrap();
        }
        let SealedValue { schema, head, body } = SealedValue::from_bytes(bytes).unwrap();
        let state = if head.state == State::Open { "open" } else { "closed" };
        let mut command = redis::cmd("HSET");
        command.arg(key).arg("version").arg(head.version).arg("state").arg(state);
        command.arg("deadline").arg(head.deadline.millis()).arg("body").arg(body).arg("schema").arg(schema);
        command.exec_async(&mut redis).await.unwrap();
    }
}

async fn fields(redis: &mut MultiplexedConnection, key: &str) -> Vec<(String, Vec<u8>)> {
    redis::cmd("HGETALL").arg(key).query_async(redis).await.unwrap()
}

fn steps(fields: &[(String, Vec<u8>)]) -> Vec<u8> {
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).unwrap().1.clone();
    let text = |name: &str| String::from_utf8(field(name)).unwrap();
    let state = if text("state") == "open" { State::Open } else { State::Closed };
    let deadline = UnixTime::from_millis(text("deadline").parse().unwrap());
    let head = Head { version: text("version").parse().unwrap(), state, deadline };
    SealedValue { schema: text("schema").parse().unwrap(), head, body: field("body") }.to_bytes()
}

/// The keyed hash before a sealed entry.
const NUMBER: usize = 32;
