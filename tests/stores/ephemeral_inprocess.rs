//! The contract on the store of this process, and what is its own: bounds, sweeping, sealed counters.

use std::sync::Arc;

use async_trait::async_trait;
use sceau::adapter::ephemeral::History;
use sceau::adapter::inprocess::InProcess;
use sceau::adapter::sealed_value::SealedValue;
use sceau::base::{SeededEntropy, TestClock};
use sceau::jose::Sealer;
use sceau::ports::{OpenLimits, OpenOutcome, PortError, Sighting, ThrottleRule};

use super::ephemeral::{AtRest, Kit, MILLISECOND, MINUTE, START, is_corrupt};
use super::ephemeral_samples::{approval, code, interaction, pushed, recipient, record, token};
use super::{
    ephemeral_approvals as approvals, ephemeral_at_rest as at_rest, ephemeral_counters as counters,
    ephemeral_interactions as interactions, ephemeral_one_shot as one_shot, ephemeral_sessions as sessions,
};

#[tokio::test]
async fn one_shot_values() {
    one_shot::every_value_is_taken_once(&kit()).await;
    one_shot::nothing_is_given_from_its_deadline_on(&kit()).await;
    one_shot::codes_of_the_demonstration_have_no_deadline(&kit()).await;
    one_shot::a_pushed_request_is_read_until_it_is_finished(&kit()).await;
    one_shot::codes_put_back_do_not_replace_newer_ones(&kit()).await;
    one_shot::a_pushed_request_is_kept_for_the_interactions_it_opened(&kit()).await;
    one_shot::a_new_ceremony_or_code_replaces_the_earlier_one(&kit()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_shot_races() {
    one_shot::one_racer_takes_a_value(&kit()).await;
    one_shot::one_racer_finishes_a_pushed_request(&kit()).await;
    sessions::one_racer_takes_a_record(&kit()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn interaction_steps() {
    interactions::steps_count_up_and_a_late_one_changes_nothing(&kit()).await;
    interactions::an_identifier_is_added_once(&kit()).await;
    interactions::it_is_gone_at_its_deadline(&kit()).await;
    interactions::one_racer_advances(&kit()).await;
}

#[tokio::test]
async fn approvals_opened_and_listed() {
    approvals::what_waits_is_listed_oldest_first(&kit()).await;
    approvals::numbers_of_a_recipient_differ(&kit()).await;
    approvals::a_recipient_has_so_many_and_no_more(&kit()).await;
    approvals::an_approval_is_read_two_minutes_longer(&kit()).await;
    approvals::a_claimed_approval_is_its_first_phones_and_listed_there(&kit()).await;
    approvals::only_an_unclaimed_approval_in_time_is_claimed(&kit()).await;
    approvals::steps_count_up_and_a_late_one_changes_nothing(&kit()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn approval_races() {
    approvals::one_racer_advances(&kit()).await;
    approvals::one_racer_claims(&kit()).await;
    approvals::racers_open_up_to_the_limit_with_different_numbers(&kit()).await;
    approvals::one_racer_gets_a_number(&kit()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn approval_waiters() {
    approvals::a_change_wakes_every_waiter(&kit()).await;
    approvals::a_claim_wakes_every_waiter(&kit()).await;
    approvals::no_wake_up_is_lost(&kit()).await;
    approvals::patience_ends(&kit()).await;
}

#[tokio::test]
async fn sessions_and_access_tokens() {
    sessions::a_session_ends_by_idleness_unless_touched(&kit()).await;
    sessions::a_session_never_outlives_its_absolute_end(&kit()).await;
    sessions::a_removed_session_stays_away(&kit()).await;
    sessions::a_record_lives_until_its_token_expires(&kit()).await;
    sessions::a_taken_record_is_gone_and_a_dead_one_is_not_taken(&kit()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn identifiers_seen_and_counters() {
    counters::an_identifier_is_first_once_per_kind(&kit()).await;
    counters::an_identifier_is_remembered_until_its_time(&kit()).await;
    counters::one_racer_is_first(&kit()).await;
    counters::what_is_older_than_the_memory_is_not_first(&kit()).await;
    counters::a_window_begins_with_its_first_event(&kit()).await;
    counters::counters_are_apart(&kit()).await;
    counters::racers_get_exactly_the_limit(&kit()).await;
}

#[tokio::test]
async fn values_at_rest() {
    at_rest::nothing_lies_in_clear(&kit()).await;
    at_rest::every_alteration_is_noticed(&kit()).await;
    at_rest::a_moved_value_does_not_open(&kit()).await;
}

#[tokio::test]
async fn altered_counters_and_marks_are_errors() {
    let kit = kit();
    let (hash, now) = (token(&kit), kit.now());
    let rule = ThrottleRule { name: "contract", limit: 1, window: MINUTE };
    assert!(kit.throttle.hit(rule, b"a", now).await.unwrap());
    assert_eq!(kit.replay.first_seen(kit.proof(), &hash, kit.soon(), now).await.unwrap(), Sighting::First);
    for (key, mut bytes) in kit.at_rest.dump().await {
        bytes[9] ^= 0xff;
        kit.at_rest.overwrite(&key, &bytes).await;
    }
    assert!(is_corrupt(&kit.throttle.hit(rule, b"a", now).await));
    assert!(is_corrupt(&kit.throttle.allows(rule, b"a", now).await));
    assert!(is_corrupt(&kit.replay.first_seen(kit.proof(), &hash, kit.soon(), now).await));
}

#[tokio::test]
async fn a_full_store_refuses_what_is_new_and_lets_the_rest_go_on() {
    let kit = kit_of(3);
    let (hash, uri, now) = (token(&kit), token(&kit), kit.now());
    let begun = interaction(&kit, kit.soon());
    kit.one_shot.put_code(&hash, &code(&kit, kit.soon())).await.unwrap();
    kit.one_shot.put_pushed(&uri, &pushed(kit.soon())).await.unwrap();
    kit.interactions.insert(&begun).await.unwrap();
    let refused = kit.access_tokens.put(&hash, &record(&kit, kit.soon())).await;
    assert!(matches!(refused, Err(PortError::Unavailable(_))), "{refused:?}");
    let mark = kit.replay.first_seen(kit.proof(), &hash, kit.soon(), now).await;
    assert!(matches!(mark, Err(PortError::Unavailable(_))), "what cannot be remembered is refused");
    assert!(kit.interactions.advance(0, &begun).await.unwrap());
    kit.one_shot.put_pushed(&uri, &pushed(kit.soon())).await.unwrap();
    assert!(kit.one_shot.take_code(&hash, now).await.unwrap().is_some());
    kit.access_tokens.put(&hash, &record(&kit, kit.soon())).await.unwrap();
    kit.clock.advance(MINUTE * 2);
    kit.access_tokens.put(&uri, &record(&kit, kit.soon())).await.unwrap();
    assert_eq!(kit.at_rest.dump().await.len(), 1, "the dead made room");
}

#[tokio::test]
async fn an_approval_that_cannot_be_listed_is_not_kept() {
    let kit = kit_of(1);
    let asked = approval(&kit, recipient(&kit), "42");
    let refused = kit.approvals.open(&asked, OpenLimits { live: 5 }, kit.now()).await;
    assert!(matches!(refused, Err(PortError::Unavailable(_))));
    assert!(kit.at_rest.dump().await.is_empty());
    let roomier = kit_of(2);
    let opened = roomier.approvals.open(&asked, OpenLimits { live: 5 }, kit.now()).await.unwrap();
    assert_eq!(opened, OpenOutcome::Opened);
}

#[tokio::test]
async fn the_dead_do_not_pile_up() {
    let (store, clock, entropy) = store(DEFAULT_ENTRIES);
    let kit = kit_around(Arc::new(store), clock, entropy);
    for _ in 0..20_000 {
        kit.replay
            .first_seen(kit.proof(), &token(&kit), kit.now().plus(MILLISECOND), kit.now())
            .await
            .unwrap();
        kit.clock.advance(MILLISECOND);
    }
    assert!(kit.at_rest.dump().await.len() < 8192, "insertion sweeps");
}

#[tokio::test]
async fn sweeping_forgets_what_is_dead_and_nothing_else() {
    let (store, clock, entropy) = store(DEFAULT_ENTRIES);
    let store = Arc::new(store);
    let kit = kit_around(Arc::clone(&store), clock, entropy);
    let (short, long) = (token(&kit), token(&kit));
    kit.one_shot.put_code(&short, &code(&kit, kit.soon())).await.unwrap();
    kit.one_shot.put_code(&long, &code(&kit, kit.soon().plus(MILLISECOND))).await.unwrap();
    assert_eq!(store.sweep(kit.soon().minus(MILLISECOND)), 0);
    assert_eq!(store.sweep(kit.soon()), 1);
    assert_eq!((store.len(), store.is_empty()), (1, false));
    assert!(kit.one_shot.take_code(&long, kit.soon()).await.unwrap().is_some());
    assert!(store.is_empty());
}

#[test]
fn a_sealed_value_has_one_form() {
    let (store, clock, entropy) = store(DEFAULT_ENTRIES);
    let kit = kit_around(Arc::new(store), clock, entropy);
    let sample = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        kit.one_shot.put_code(&token(&kit), &code(&kit, kit.soon())).await.unwrap();
        kit.at_rest.dump().await.remove(0).1
    });
    let value = SealedValue::from_bytes(&sample).unwrap();
    assert_eq!(value.to_bytes(), sample);
    assert_eq!(value.head.deadline, kit.soon());
    // The next version's schema is read already.
    for (at, byte) in [(0, 0), (0, 3), (1, 0), (1, 3)] {
        let mut other = sample.clone();
        other[at] = byte;
        assert!(is_corrupt(&SealedValue::from_bytes(&other)), "byte {at} = {byte}");
    }
    for length in 0..18 {
        assert!(is_corrupt(&SealedValue::from_bytes(&sample[..length])), "{length} bytes");
    }
}

struct Inside(Arc<InProcess>);

#[async_trait]
impl AtRest for Inside {
    async fn dump(&self) -> Vec<(String, Vec<u8>)> {
        self.0.at_rest()
    }

    async fn overwrite(&self, key: &str, bytes: &[u8]) {
        self.0.overwrite(key, bytes).unwrap();
    }
}

fn kit() -> Kit {
    kit_of(DEFAULT_ENTRIES)
}

fn kit_of(entries: usize) -> Kit {
    let (store, clock, entropy) = store(entries);
    kit_around(Arc::new(store), clock, entropy)
}

fn store(entries: usize) -> (InProcess, Arc<TestClock>, Arc<SeededEntropy>) {
    let (clock, entropy) = (Arc::new(TestClock::at(START)), Arc::new(SeededEntropy::new(1)));
    let sealer = Sealer::new(1, &[5; 32]);
    let store = InProcess::new(sealer, entropy.clone(), clock.clone(), History::None);
    (store.with_max_entries(entries), clock, entropy)
}

fn kit_around(store: Arc<InProcess>, clock: Arc<TestClock>, entropy: Arc<SeededEntropy>) -> Kit {
    Kit {
        one_shot: store.clone(),
        interactions: store.clone(),
        approvals: store.clone(),
        sessions: store.clone(),
        access_tokens: store.clone(),
        replay: store.clone(),
        throttle: store.clone(),
        at_rest: Arc::new(Inside(store)),
        clock,
        entropy,
    }
}

const DEFAULT_ENTRIES: usize = sceau::adapter::inprocess::MAX_ENTRIES;
