//! The contract, in groups: a backend gives empty kits.

use super::ephemeral::Kit;
use super::{
    ephemeral_approvals as approvals, ephemeral_at_rest as at_rest, ephemeral_counters as counters,
    ephemeral_interactions as interactions, ephemeral_one_shot as one_shot, ephemeral_sessions as sessions,
};

pub(super) async fn one_shot_values(kit: impl AsyncFn() -> Kit) {
    one_shot::every_value_is_taken_once(&kit().await).await;
    one_shot::nothing_is_given_from_its_deadline_on(&kit().await).await;
    one_shot::codes_of_the_demonstration_have_no_deadline(&kit().await).await;
    one_shot::a_pushed_request_is_read_until_it_is_finished(&kit().await).await;
    one_shot::codes_put_back_do_not_replace_newer_ones(&kit().await).await;
    one_shot::a_pushed_request_is_kept_for_the_interactions_it_opened(&kit().await).await;
    one_shot::a_new_ceremony_or_code_replaces_the_earlier_one(&kit().await).await;
}

pub(super) async fn one_shot_races(kit: impl AsyncFn() -> Kit) {
    one_shot::one_racer_takes_a_value(&kit().await).await;
    one_shot::one_racer_finishes_a_pushed_request(&kit().await).await;
    sessions::one_racer_takes_a_record(&kit().await).await;
}

pub(super) async fn interaction_steps(kit: impl AsyncFn() -> Kit) {
    interactions::steps_count_up_and_a_late_one_changes_nothing(&kit().await).await;
    interactions::an_identifier_is_added_once(&kit().await).await;
    interactions::it_is_gone_at_its_deadline(&kit().await).await;
    interactions::one_racer_advances(&kit().await).await;
}

pub(super) async fn approvals_opened_and_listed(kit: impl AsyncFn() -> Kit) {
    approvals::what_waits_is_listed_oldest_first(&kit().await).await;
    approvals::numbers_of_a_recipient_differ(&kit().await).await;
    approvals::a_recipient_has_so_many_and_no_more(&kit().await).await;
    approvals::an_approval_is_read_two_minutes_longer(&kit().await).await;
    approvals::a_claimed_approval_is_its_first_phones_and_listed_there(&kit().await).await;
    approvals::only_an_unclaimed_approval_in_time_is_claimed(&kit().await).await;
    approvals::steps_count_up_and_a_late_one_changes_nothing(&kit().await).await;
}

pub(super) async fn approval_races(kit: impl AsyncFn() -> Kit) {
    approvals::one_racer_advances(&kit().await).await;
    approvals::one_racer_claims(&kit().await).await;
    approvals::racers_open_up_to_the_limit_with_different_numbers(&kit().await).await;
    approvals::one_racer_gets_a_number(&kit().await).await;
}

pub(super) async fn approval_waiters(kit: impl AsyncFn() -> Kit) {
    approvals::a_change_wakes_every_waiter(&kit().await).await;
    approvals::a_claim_wakes_every_waiter(&kit().await).await;
    approvals::no_wake_up_is_lost(&kit().await).await;
    approvals::patience_ends(&kit().await).await;
}

pub(super) async fn sessions_and_access_tokens(kit: impl AsyncFn() -> Kit) {
    sessions::a_session_ends_by_idleness_unless_touched(&kit().await).await;
    sessions::a_session_never_outlives_its_absolute_end(&kit().await).await;
    sessions::a_removed_session_stays_away(&kit().await).await;
    sessions::a_record_lives_until_its_token_expires(&kit().await).await;
    sessions::a_taken_record_is_gone_and_a_dead_one_is_not_taken(&kit().await).await;
}

pub(super) async fn identifiers_seen_and_counters(kit: impl AsyncFn() -> Kit) {
    counters::an_identifier_is_first_once_per_kind(&kit().await).await;
    counters::an_identifier_is_remembered_until_its_time(&kit().await).await;
    counters::one_racer_is_first(&kit().await).await;
    counters::what_is_older_than_the_memory_is_not_first(&kit().await).await;
    counters::a_window_begins_with_its_first_event(&kit().await).await;
    counters::counters_are_apart(&kit().await).await;
    counters::racers_get_exactly_the_limit(&kit().await).await;
}

pub(super) async fn values_at_rest(kit: impl AsyncFn() -> Kit) {
    at_rest::nothing_lies_in_clear(&kit().await).await;
    at_rest::every_alteration_is_noticed(&kit().await).await;
    at_rest::a_moved_value_does_not_open(&kit().await).await;
}
