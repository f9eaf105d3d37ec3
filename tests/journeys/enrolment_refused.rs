//! An enrolment that must not succeed.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use sceau::flow::ActivationPolicy;
use sceau::phone::{Attestation, Faults, Phone, PhoneError};
use serde_json::{Value, json};

use crate::support::{CAMILLE, Caller, HUGO, Harness, Intercept, NOBODY, Reply};

const START_PATH: &str = "/mobile/v1/enrolments";

/// Starts an enrolment of Camille with good codes.
pub(super) async fn start(harness: &Harness, caller: &Caller<'_>) -> Reply {
    let codes = json!({ "national_id": CAMILLE });
    assert_eq!(caller.post("/mobile/v1/enrolments/codes", codes).await.status, 202);
    let (email, phone) = harness.codes(CAMILLE).await;
    caller.post(START_PATH, start_body(CAMILLE, &email, &phone)).await
}

fn start_body(national_id: &str, email: &str, phone: &str) -> Value {
    let proof = json!({ "type": "contact_codes", "email": email, "phone": phone });
    json!({ "national_id": national_id, "proof": proof })
}

fn refused(result: Result<impl std::fmt::Debug, PhoneError>) -> (u16, String) {
    match result {
        Err(PhoneError::Refused(refusal)) => (refusal.status, refusal.error),
        other => panic!("not refused: {other:?}"),
    }
}

fn codes_refused() -> (u16, String) {
    (400, String::from("invalid_activation_codes"))
}

fn attestation_refused() -> (u16, String) {
    (400, String::from("invalid_attestation"))
}

async fn enrol(phone: &mut Phone, (email, by_phone): (&str, &str)) -> (u16, String) {
    refused(phone.enrol(CAMILLE, email, by_phone, &Attestation::SelfSigned).await)
}

#[tokio::test]
async fn one_code_is_not_enough() {
    let harness = Harness::new().await;
    let mut phone = harness.phone("camille");
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    for codes in [(&*email, ""), ("", &*by_phone), (&*email, &*email), (&*by_phone, &*by_phone)] {
        assert_eq!(enrol(&mut phone, codes).await, codes_refused(), "{codes:?}");
    }
    assert_eq!(harness.audited("enrolment.started codes_wrong").await, 4);
    // The two codes in each other's place are two wrong codes: the fifth try ends them.
    assert_eq!(enrol(&mut phone, (&by_phone, &email)).await, codes_refused());
    assert_eq!(harness.audited("enrolment.started codes_locked").await, 1);
}

#[tokio::test]
async fn codes_of_two_persons_do_not_mix() {
    let harness = Harness::new().await;
    let mut phone = harness.phone("camille");
    phone.request_codes(CAMILLE).await.unwrap();
    phone.request_codes(HUGO).await.unwrap();
    let (own_email, own_phone) = harness.codes(CAMILLE).await;
    let (email, by_phone) = harness.codes(HUGO).await;
    for codes in [(&*email, &*by_phone), (&*own_email, &*by_phone), (&*email, &*own_phone)] {
        assert_eq!(enrol(&mut phone, codes).await, codes_refused());
    }
    phone.enrol(CAMILLE, &own_email, &own_phone, &Attestation::SelfSigned).await.unwrap();
}

#[tokio::test]
async fn five_wrong_tries_end_the_codes() {
    let harness = Harness::new().await;
    let mut phone = harness.phone("camille");
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    for _ in 0..5 {
        assert_eq!(enrol(&mut phone, (&email, "00000000")).await, codes_refused());
    }
    assert_eq!(enrol(&mut phone, (&email, &by_phone)).await, codes_refused());
    assert_eq!(harness.audited("enrolment.started codes_unknown").await, 1);
    assert_eq!(harness.audited("device.enrolled contact_codes").await, 0);
}

#[tokio::test]
async fn codes_die_after_ten_minutes() {
    let harness = Harness::new().await;
    let mut phone = harness.phone("camille");
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    harness.clock.advance(Duration::from_mins(10));
    assert_eq!(enrol(&mut phone, (&email, &by_phone)).await, codes_refused());
}

#[tokio::test]
async fn codes_serve_once() {
    let harness = Harness::new().await;
    let _first = harness.enrolled("first", CAMILLE).await;
    let (email, by_phone) = harness.codes(CAMILLE).await;
    let mut second = harness.phone("second");
    assert_eq!(enrol(&mut second, (&email, &by_phone)).await, codes_refused());
}

#[tokio::test]
async fn an_unknown_person_looks_like_wrong_codes() {
    let harness = Harness::new().await;
    let caller = Caller::stranger(&harness);
    let known = caller.post("/mobile/v1/enrolments/codes", json!({ "national_id": CAMILLE })).await;
    let unknown = caller.post("/mobile/v1/enrolments/codes", json!({ "national_id": NOBODY })).await;
    let malformed = caller.post("/mobile/v1/enrolments/codes", json!({ "national_id": "x" })).await;
    for reply in [&unknown, &malformed] {
        assert_eq!((reply.status, &reply.body), (202, &json!({})));
        assert_eq!((reply.status, &reply.body), (known.status, &known.body));
    }
    assert_eq!(harness.sent(), 2);
    let wrong = caller.post(START_PATH, start_body(CAMILLE, "00000000", "11111111")).await;
    let unknown = caller.post(START_PATH, start_body(NOBODY, "00000000", "11111111")).await;
    assert_eq!(wrong.refusal(), (400, "invalid_activation_codes"));
    assert_eq!((wrong.status, &wrong.body), (unknown.status, &unknown.body));
    let names = |reply: &Reply| reply.headers.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&wrong), names(&unknown));
}

#[tokio::test]
async fn a_sender_that_fails_does_not_tell_who_is_known() {
    let harness = Harness::new().await;
    harness.outbox.fail();
    let caller = Caller::stranger(&harness);
    let known = caller.post("/mobile/v1/enrolments/codes", json!({ "national_id": CAMILLE })).await;
    assert_eq!((known.status, &known.body), (202, &json!({})));
    assert_eq!(harness.audited("enrolment.codes not_sent").await, 1);
    assert_eq!(harness.audited("enrolment.codes queued").await, 0);
}

#[tokio::test]
async fn three_pairs_of_codes_a_day_and_the_answer_does_not_tell() {
    let harness = Harness::new().await;
    let mut phone = harness.phone("camille");
    for _ in 0..4 {
        phone.request_codes(CAMILLE).await.unwrap();
    }
    assert_eq!(harness.sent(), 6);
    assert_eq!(harness.audited("enrolment.codes too_many_codes").await, 1);
}

#[tokio::test]
async fn one_source_is_limited() {
    let harness = Harness::with(|policy| policy.activation = ActivationPolicy::Unlimited).await;
    let mut phone = harness.phone("camille");
    for _ in 0..30 {
        phone.request_codes(NOBODY).await.unwrap();
    }
    assert_eq!(refused(phone.request_codes(CAMILLE).await), (429, String::from("too_many_requests")));
    harness.clock.advance(Duration::from_mins(10));
    phone.request_codes(CAMILLE).await.unwrap();
}

#[tokio::test]
async fn the_finish_needs_the_key_of_the_start() {
    let harness = Harness::new().await;
    let (path, body) = intercepted(&harness).await;
    let stranger = Caller::stranger(&harness);
    assert_eq!(stranger.post(&path, body.clone()).await.refusal(), (400, "invalid_attestation"));
    // The enrolment is gone: the attempt used it up.
    let owner = Caller::with_key_of(&harness, &harness.path("camille"));
    assert_eq!(owner.post(&path, body).await.refusal(), (400, "invalid_attestation"));
    assert_eq!(harness.audited("device.enrolled enrolment_unknown").await, 2);
}

#[tokio::test]
async fn a_credential_serves_once() {
    let harness = Harness::new().await;
    let (path, body) = intercepted(&harness).await;
    let owner = Caller::with_key_of(&harness, &harness.path("camille"));
    assert_eq!(owner.post(&path, body.clone()).await.status, 201);
    assert_eq!(owner.post(&path, body.clone()).await.refusal(), (400, "invalid_attestation"));
    // In another enrolment of the same person and key it answers the wrong challenge.
    let next = start(&harness, &owner).await;
    let path = format!("{START_PATH}/{}/credential", next.body["enrolment_id"].as_str().unwrap());
    assert_eq!(owner.post(&path, body).await.refusal(), (400, "invalid_attestation"));
    let person = harness.person(CAMILLE).await;
    assert_eq!(harness.provider.ports.devices.list(person).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_ceremony_lives_a_minute() {
    let harness = Harness::new().await;
    let (path, body) = intercepted(&harness).await;
    harness.clock.advance(Duration::from_mins(1));
    let owner = Caller::with_key_of(&harness, &harness.path("camille"));
    assert_eq!(owner.post(&path, body).await.refusal(), (400, "invalid_attestation"));
}

#[tokio::test]
async fn a_hostile_authenticator_is_refused() {
    let all = [
        ("backup_eligible", Faults { backup_eligible: true, ..Faults::default() }),
        ("backup_state", Faults { backup_eligible: true, backup_state: true, ..Faults::default() }),
        ("no_uv", Faults { no_uv: true, ..Faults::default() }),
        ("no_up", Faults { no_up: true, ..Faults::default() }),
        ("wrong_origin", Faults { wrong_origin: true, ..Faults::default() }),
        ("cross_origin", Faults { cross_origin: true, ..Faults::default() }),
        ("wrong_rp", Faults { wrong_rp: true, ..Faults::default() }),
        ("tamper_signature", Faults { tamper_signature: true, ..Faults::default() }),
        ("wrong_challenge", Faults { wrong_challenge: true, ..Faults::default() }),
    ];
    let harness = Harness::with(|policy| policy.activation = ActivationPolicy::Unlimited).await;
    for (name, faults) in all {
        let mut phone = harness.phone(name);
        phone.set_faults(faults);
        phone.request_codes(CAMILLE).await.unwrap();
        let (email, by_phone) = harness.codes(CAMILLE).await;
        assert_eq!(enrol(&mut phone, (&email, &by_phone)).await, attestation_refused(), "{name}");
    }
    let person = harness.person(CAMILLE).await;
    assert!(harness.provider.ports.devices.list(person).await.unwrap().is_empty());
}

#[tokio::test]
async fn without_attestation_nothing_is_enrolled() {
    let harness = Harness::new().await;
    let mut phone = harness.phone("camille");
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    let enrolled = phone.enrol(CAMILLE, &email, &by_phone, &Attestation::None).await;
    assert_eq!(refused(enrolled), attestation_refused());
    assert_eq!(harness.audited("device.enrolled not_attested").await, 1);
}

#[tokio::test]
async fn another_root_of_the_same_name_is_not_trusted() {
    let harness = Harness::new().await;
    let mut phone = harness.phone("camille");
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    let foreign = Attestation::Root(harness.path("foreign-root"));
    assert_eq!(refused(phone.enrol(CAMILLE, &email, &by_phone, &foreign).await), attestation_refused());
    assert_eq!(harness.audited("device.enrolled attestation_untrusted").await, 1);
}

#[tokio::test]
async fn self_attestation_is_refused_where_the_policy_does_not_allow_it() {
    let harness = Harness::with(|policy| policy.attestation.allow_self = false).await;
    let mut phone = harness.phone("camille");
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    assert_eq!(enrol(&mut phone, (&email, &by_phone)).await, attestation_refused());
}

#[tokio::test]
async fn a_person_has_a_limited_number_of_phones() {
    let harness = Harness::new().await;
    let _first = harness.enrolled("first", CAMILLE).await;
    let _second = harness.enrolled("second", CAMILLE).await;
    let mut third = harness.phone("third");
    third.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    assert_eq!(enrol(&mut third, (&email, &by_phone)).await, (409, String::from("too_many_devices")));
    assert!(third.device_id().is_none());
}

#[tokio::test]
async fn a_proof_is_needed_fresh_and_once() {
    let harness = Harness::new().await;
    let caller = Caller::stranger(&harness);
    let body = start_body(CAMILLE, "00000000", "11111111");
    let post = Method::POST;

    let none = caller.call_with(&[], &post, START_PATH, Some(&body)).await;
    assert_eq!(none.refusal(), (401, "invalid_dpop_proof"));

    let without_nonce = caller.proof_with(&post, START_PATH, None);
    let reply = caller.call_with(&[("DPoP", &without_nonce)], &post, START_PATH, Some(&body)).await;
    assert_eq!(reply.refusal(), (401, "use_dpop_nonce"));
    assert_eq!(
        reply.header("www-authenticate").unwrap(),
        r#"DPoP error="use_dpop_nonce", algs="ES256 EdDSA PS256""#
    );

    // The same proof is still good once the nonce is in it, and only once.
    let good = caller.proof_with(&post, START_PATH, reply.header("dpop-nonce"));
    let two = [("DPoP", good.as_str()), ("DPoP", good.as_str())];
    let twice = caller.call_with(&two, &post, START_PATH, Some(&body)).await;
    assert_eq!(twice.refusal(), (401, "invalid_dpop_proof"));
    let used = caller.call_with(&[("DPoP", &good)], &post, START_PATH, Some(&body)).await;
    assert_eq!(used.refusal(), (400, "invalid_activation_codes"));
    let replayed = caller.call_with(&[("DPoP", &good)], &post, START_PATH, Some(&body)).await;
    assert_eq!(replayed.refusal(), (401, "invalid_dpop_proof"));

    let elsewhere = caller.proof(&post, "/mobile/v1/devices").await;
    let reply = caller.call_with(&[("DPoP", &elsewhere)], &post, START_PATH, Some(&body)).await;
    assert_eq!(reply.refusal(), (401, "invalid_dpop_proof"));

    let late = caller.proof(&post, START_PATH).await;
    harness.clock.advance(Duration::from_mins(10));
    let reply = caller.call_with(&[("DPoP", &late)], &post, START_PATH, Some(&body)).await;
    assert_eq!(reply.refusal(), (401, "use_dpop_nonce"));
}

/// The finish of an enrolment of Camille, not sent: its path and body.
async fn intercepted(harness: &Harness) -> (String, Value) {
    let intercept = Arc::new(Intercept::new(&harness.router, "/credential"));
    let mut phone = harness.phone_over("camille", Arc::<Intercept>::clone(&intercept));
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    let enrolled = phone.enrol(CAMILLE, &email, &by_phone, &Attestation::SelfSigned).await;
    assert!(matches!(enrolled, Err(PhoneError::Transport(_))), "{enrolled:?}");
    intercept.kept()
}
