//! An approval that must not succeed.

use std::sync::Arc;
use std::time::Duration;

use sceau::flow::{Screen, Turn};
use sceau::phone::{Faults, Phone, PhoneError, Refusal};
use serde_json::{Value, json};

use crate::support::{CAMILLE, Caller, HUGO, Harness, Intercept, Waiting};

fn refusal(result: Result<impl std::fmt::Debug, PhoneError>) -> Refusal {
    match result {
        Err(PhoneError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

async fn only_pending(phone: &mut Phone) -> String {
    let pending = phone.pending().await.unwrap();
    assert_eq!(pending.len(), 1);
    pending[0].id.clone()
}

fn is_waiting(turn: &Turn) -> bool {
    matches!(turn, Turn::Page { screen: Screen::Number { .. }, .. })
}

/// The decision of Camille's phone on the approval `id`, signed and not sent: its path and body.
async fn signed(harness: &Harness, id: &str, waiting: &Waiting) -> (String, Value) {
    let intercept = Arc::new(Intercept::new(&harness.router, "/decision"));
    let mut phone = harness.reopened("camille", Arc::<Intercept>::clone(&intercept));
    let sent = phone.approve(Some(id), Some(&waiting.number)).await;
    assert!(matches!(sent, Err(PhoneError::Transport(_))), "{sent:?}");
    intercept.kept()
}

#[tokio::test]
async fn three_wrong_numbers_lock_the_request() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let id = only_pending(&mut phone).await;
    for left in [2, 1, 0] {
        let refusal = refusal(phone.approve(Some(&id), Some(&waiting.wrong_number())).await);
        assert_eq!((refusal.status, refusal.error.as_str()), (400, "wrong_number"));
        assert_eq!(refusal.tries_left, Some(left));
    }
    assert_eq!(harness.audited("approval.refused number_wrong").await, 2);
    assert_eq!(harness.audited("approval.refused number_locked").await, 1);
    let caller = Caller::with_key_of(&harness, &harness.path("camille"));
    let late = caller.post(&format!("/mobile/v1/approvals/{id}/challenge"), json!({})).await;
    assert_eq!(late.refusal(), (409, "approval_ended"));
    assert_eq!(late.body["status"], "locked");
    assert!(matches!(phone.approve(None, Some(&waiting.number)).await, Err(PhoneError::NothingPending)));
    assert!(!is_waiting(&harness.resume(&waiting).await));
    assert_eq!(harness.audited("approval.decision approved").await, 0);
}

#[tokio::test]
async fn a_missing_or_misshapen_number_is_a_wrong_one() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    assert_eq!(refusal(phone.approve(None, None).await).tries_left, Some(2));
    let spaced = format!(" {}", waiting.number);
    assert_eq!(refusal(phone.approve(None, Some(&spaced)).await).tries_left, Some(1));
    phone.approve(None, Some(&waiting.number)).await.unwrap();
}

#[tokio::test]
async fn ten_wrong_numbers_an_hour_over_all_requests() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    for _ in 0..10 {
        let waiting = harness.sign_in(CAMILLE).await;
        let id = only_pending(&mut phone).await;
        refusal(phone.approve(Some(&id), Some(&waiting.wrong_number())).await);
        phone.deny(Some(&id), false).await.unwrap();
    }
    let waiting = harness.sign_in(CAMILLE).await;
    let eleventh = refusal(phone.approve(None, Some(&waiting.number)).await);
    assert_eq!((eleventh.error.as_str(), eleventh.tries_left), ("wrong_number", Some(0)));
    assert_eq!(harness.audited("approval.refused too_many_wrong_numbers").await, 1);
    assert_eq!(harness.audited("approval.decision approved").await, 0);
}

#[tokio::test]
async fn a_decision_serves_once() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let id = only_pending(&mut phone).await;
    let (path, body) = signed(&harness, &id, &waiting).await;
    let caller = Caller::with_key_of(&harness, &harness.path("camille"));
    assert_eq!(caller.post(&path, body.clone()).await.body, json!({ "status": "approved" }));
    let again = caller.post(&path, body).await;
    assert_eq!(again.refusal(), (409, "approval_ended"));
    assert_eq!(again.body["status"], "approved");
    let deny = caller.post(&path, json!({ "decision": "deny" })).await;
    assert_eq!(deny.body["status"], "approved");
    assert_eq!(harness.audited("approval.decision approved").await, 1);
    assert_eq!(harness.audited("approval.refused approval_replayed").await, 2);
}

#[tokio::test]
async fn an_assertion_is_taken_once_even_when_the_number_was_wrong() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let id = only_pending(&mut phone).await;
    let (path, mut body) = signed(&harness, &id, &waiting).await;
    let caller = Caller::with_key_of(&harness, &harness.path("camille"));
    body["number"] = json!(waiting.wrong_number());
    assert_eq!(caller.post(&path, body.clone()).await.refusal(), (400, "wrong_number"));
    body["number"] = json!(waiting.number);
    assert_eq!(caller.post(&path, body).await.refusal(), (400, "invalid_assertion"));
    assert_eq!(harness.audited("approval.refused no_ceremony").await, 1);
}

#[tokio::test]
async fn too_late_is_too_late() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let id = only_pending(&mut phone).await;
    harness.clock.advance(Duration::from_mins(1));
    let (path, body) = signed(&harness, &id, &waiting).await;
    harness.clock.advance(Duration::from_secs(30));
    let caller = Caller::with_key_of(&harness, &harness.path("camille"));
    let late = caller.post(&path, body).await;
    assert_eq!(late.refusal(), (409, "approval_ended"));
    assert_eq!(late.body["status"], "expired");
    assert!(phone.pending().await.unwrap().is_empty());
    let turn = harness.resume(&waiting).await;
    assert!(matches!(turn, Turn::Page { screen: Screen::Identify { expired: true, .. }, .. }));
    harness.clock.advance(Duration::from_mins(2));
    let gone = caller.post(&path, json!({ "decision": "deny" })).await;
    assert_eq!(gone.refusal(), (404, "approval_not_found"));
}

#[tokio::test]
async fn a_ceremony_lives_a_minute() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let id = only_pending(&mut phone).await;
    let (path, body) = signed(&harness, &id, &waiting).await;
    harness.clock.advance(Duration::from_mins(1));
    let caller = Caller::with_key_of(&harness, &harness.path("camille"));
    assert_eq!(caller.post(&path, body).await.refusal(), (400, "invalid_assertion"));
    // The request still waits: a new ceremony is good.
    phone.approve(Some(&id), Some(&waiting.number)).await.unwrap();
}

#[tokio::test]
async fn the_number_of_one_request_is_wrong_for_another() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let own = harness.sign_in(CAMILLE).await;
    let own_id = only_pending(&mut phone).await;
    let attack = harness.sign_in(CAMILLE).await;
    assert_ne!(own.number, attack.number);
    let pending = phone.pending().await.unwrap();
    let attack_id = pending.iter().find(|one| one.id != own_id).unwrap().id.clone();
    let refused = refusal(phone.approve(Some(&attack_id), Some(&own.number)).await);
    assert_eq!((refused.error.as_str(), refused.tries_left), ("wrong_number", Some(2)));
    assert!(is_waiting(&harness.resume(&attack).await));
    phone.approve(Some(&own_id), Some(&own.number)).await.unwrap();
    assert!(is_waiting(&harness.resume(&attack).await));
}

#[tokio::test]
async fn an_assertion_for_one_request_serves_no_other() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let first = harness.sign_in(CAMILLE).await;
    let first_id = only_pending(&mut phone).await;
    let second = harness.sign_in(CAMILLE).await;
    let pending = phone.pending().await.unwrap();
    let second_id = pending.iter().find(|one| one.id != first_id).unwrap().id.clone();

    let (_, mut body) = signed(&harness, &first_id, &first).await;
    body["number"] = json!(second.number);
    let caller = Caller::with_key_of(&harness, &harness.path("camille"));
    let decision = format!("/mobile/v1/approvals/{second_id}/decision");
    assert_eq!(caller.post(&decision, body.clone()).await.refusal(), (400, "invalid_assertion"));
    let begun = caller.post(&format!("/mobile/v1/approvals/{second_id}/challenge"), json!({})).await;
    assert_eq!(begun.status, 200);
    assert_eq!(caller.post(&decision, body).await.refusal(), (400, "invalid_assertion"));
    assert!(is_waiting(&harness.resume(&second).await));
}

#[tokio::test]
async fn a_hostile_authenticator_is_refused_and_costs_no_try() {
    let all = [
        // First: each later one signs with a counter the server has not seen.
        ("stale_counter", Faults { stale_counter: true, ..Faults::default() }),
        ("no_uv", Faults { no_uv: true, ..Faults::default() }),
        ("no_up", Faults { no_up: true, ..Faults::default() }),
        ("backup_eligible", Faults { backup_eligible: true, ..Faults::default() }),
        ("backup_state", Faults { backup_eligible: true, backup_state: true, ..Faults::default() }),
        ("wrong_origin", Faults { wrong_origin: true, ..Faults::default() }),
        ("cross_origin", Faults { cross_origin: true, ..Faults::default() }),
        ("wrong_rp", Faults { wrong_rp: true, ..Faults::default() }),
        ("tamper_signature", Faults { tamper_signature: true, ..Faults::default() }),
        ("wrong_challenge", Faults { wrong_challenge: true, ..Faults::default() }),
    ];
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    // The counter of the credential moves on first: a copy of the phone would lag behind.
    let earlier = harness.sign_in(CAMILLE).await;
    phone.approve(None, Some(&earlier.number)).await.unwrap();
    let waiting = harness.sign_in(CAMILLE).await;
    for (name, faults) in all {
        let mut broken = harness.reopened("camille", harness.transport());
        broken.set_faults(faults);
        let refused = refusal(broken.approve(None, Some(&waiting.number)).await);
        assert_eq!((refused.status, refused.error.as_str()), (400, "invalid_assertion"), "{name}");
    }
    assert!(is_waiting(&harness.resume(&waiting).await));
    let mut phone = harness.reopened("camille", harness.transport());
    phone.approve(None, Some(&waiting.number)).await.unwrap();
    assert_eq!(harness.audited("approval.decision approved").await, 2);
}

#[tokio::test]
async fn another_person_s_phone_sees_nothing() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut other = harness.enrolled("hugo", HUGO).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let id = only_pending(&mut phone).await;
    assert!(other.pending().await.unwrap().is_empty());
    let (path, body) = signed(&harness, &id, &waiting).await;
    let attacker = Caller::with_key_of(&harness, &harness.path("hugo"));
    let nobody = attacker.post("/mobile/v1/approvals/x/challenge", json!({})).await;
    for (path, body) in [
        (format!("/mobile/v1/approvals/{id}/challenge"), json!({})),
        (path.clone(), body.clone()),
        (path.clone(), json!({ "decision": "deny", "reported": true })),
    ] {
        let reply = attacker.post(&path, body).await;
        assert_eq!(reply.refusal(), (404, "approval_not_found"));
        assert_eq!(reply.body, nobody.body);
    }
    // The attempts took nothing away from the owner.
    let owner = Caller::with_key_of(&harness, &harness.path("camille"));
    assert_eq!(owner.post(&path, body).await.status, 200);
}

#[tokio::test]
async fn a_revoked_phone_decides_nothing() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut second = harness.enrolled("second", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let id = only_pending(&mut phone).await;
    let (path, body) = signed(&harness, &id, &waiting).await;
    second.revoke(phone.device_id().unwrap()).await.unwrap();
    let caller = Caller::with_key_of(&harness, &harness.path("camille"));
    assert_eq!(caller.post(&path, body).await.refusal(), (401, "invalid_device"));
    assert!(is_waiting(&harness.resume(&waiting).await));
}

#[tokio::test]
async fn an_unknown_identifier_gets_a_number_that_nobody_can_type() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(crate::support::NOBODY).await;
    assert!(is_waiting(&harness.resume(&waiting).await));
    assert!(phone.pending().await.unwrap().is_empty());
}
