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
use super::redis_server::{Server, shared};
use super::{
    ephemeral_approvals as approvals, ephemeral_at_rest as at_rest, ephemeral_counters as counters,
    ephemeral_interactions as interactions, ephemeral_one_shot as one_shot, ephemeral_sessions as sessions,
};

#[tokio::test]
async fn one_shot_values() {
    one_shot::every_value_is_taken_once(&kit().await).await;
    one_shot::nothing_is_given_from_its_deadline_on(&kit().await).await;
    one_shot::codes_of_the_demonstration_have_no_deadline(&kit().await).await;
    one_shot::a_pushed_request_is_read_until_it_is_finished(&kit().await).await;
    one_shot::codes_put_back_do_not_replace_newer_ones(&kit().await).await;
    one_shot::a_pushed_request_is_kept_for_the_interactions_it_opened(&kit().await).await;
    one_shot::a_new_ceremony_or_code_replaces_the_earlier_one(&kit().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_shot_races() {
    one_shot::one_racer_takes_a_value(&kit().await).await;
    one_shot::one_racer_finishes_a_pushed_request(&kit().await).await;
    sessions::one_racer_takes_a_record(&kit().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn interaction_steps() {
    interactions::steps_count_up_and_a_late_one_changes_nothing(&kit().await).await;
    interactions::an_identifier_is_added_once(&kit().await).await;
    interactions::it_is_gone_at_its_deadline(&kit().await).await;
    interactions::one_racer_advances(&kit().await).await;
}

#[tokio::test]
async fn approvals_opened_and_listed() {
    approvals::what_waits_is_listed_oldest_first(&kit().await).await;
    approvals::numbers_of_a_recipient_differ(&kit().await).await;
    approvals::a_recipient_has_so_many_and_no_more(&kit().await).await;
    approvals::an_approval_is_read_two_minutes_longer(&kit().await).await;
    approvals::a_claimed_approval_is_its_first_phones_and_listed_there(&kit().await).await;
    approvals::only_an_unclaimed_approval_in_time_is_claimed(&kit().await).await;
    approvals::steps_count_up_and_a_late_one_changes_nothing(&kit().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn approval_races() {
    approvals::one_racer_advances(&kit().await).await;
    approvals::one_racer_claims(&kit().await).await;
    approvals::racers_open_up_to_the_limit_with_different_numbers(&kit().await).await;
    approvals::one_racer_gets_a_number(&kit().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn approval_waiters() {
    approvals::a_change_wakes_every_waiter(&kit().await).await;
    approvals::a_claim_wakes_every_waiter(&kit().await).await;
    approvals::no_wake_up_is_lost(&kit().await).await;
    approvals::patience_ends(&kit().await).await;
}

#[tokio::test]
async fn sessions_and_access_tokens() {
    sessions::a_session_ends_by_idleness_unless_touched(&kit().await).await;
    sessions::a_session_never_outlives_its_absolute_end(&kit().await).await;
    sessions::a_removed_session_stays_away(&kit().await).await;
    sessions::a_record_lives_until_its_token_expires(&kit().await).await;
    sessions::a_taken_record_is_gone_and_a_dead_one_is_not_taken(&kit().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn identifiers_seen_and_counters() {
    counters::an_identifier_is_first_once_per_kind(&kit().await).await;
    counters::an_identifier_is_remembered_until_its_time(&kit().await).await;
    counters::one_racer_is_first(&kit().await).await;
    counters::what_is_older_than_the_memory_is_not_first(&kit().await).await;
    counters::a_window_begins_with_its_first_event(&kit().await).await;
    counters::counters_are_apart(&kit().await).await;
    counters::racers_get_exactly_the_limit(&kit().await).await;
}

#[tokio::test]
async fn values_at_rest() {
    at_rest::nothing_lies_in_clear(&kit().await).await;
    at_rest::every_alteration_is_noticed(&kit().await).await;
    at_rest::a_moved_value_does_not_open(&kit().await).await;
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
    let raw = Raw { client: redis::Client::open(server.url()).unwrap(), prefix: prefix.to_owned() };
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
    client: redis::Client,
    prefix: String,
}

#[async_trait]
impl AtRest for Raw {
    async fn dump(&self) -> Vec<(String, Vec<u8>)> {
        let mut redis = self.client.get_multiplexed_async_connection().await.unwrap();
        let pattern = format!("{}:{{*", self.prefix);
        let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut redis).await.unwrap();
        let mut found = Vec::new();
        for key in keys {
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
        let mut redis = self.client.get_multiplexed_async_connection().await.unwrap();
        if let Some((list, field)) = place.split_once('/') {
            let key = format!("{}:{{{list}}}", self.prefix);
            let entry: Vec<u8> =
                redis::cmd("HGET").arg(&key).arg(field).query_async(&mut redis).await.unwrap();
            let entry = [&entry[..NUMBER], bytes].concat();
            return redis::cmd("HSET").arg(&key).arg(field).arg(entry).exec_async(&mut redis).await.unwrap();
        }
        let key = format!("{}:{{{place}}}", self.prefix);
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
        let SealedValue { head, body } = SealedValue::from_bytes(bytes).unwrap();
        let state = if head.state == State::Open { "open" } else { "closed" };
        let mut command = redis::cmd("HSET");
        command.arg(key).arg("version").arg(head.version).arg("state").arg(state);
        command.arg("deadline").arg(head.deadline.millis()).arg("body").arg(body);
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
    SealedValue { head, body: field("body") }.to_bytes()
}

/// The keyed hash before a sealed entry.
const NUMBER: usize = 32;
