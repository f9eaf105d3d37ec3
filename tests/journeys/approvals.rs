//! A person approves or refuses a sign-in on their phone.

use sceau::base::{base64url, sha256};
use sceau::flow::Turn;
use sceau::oauth::AuthorizationResponse;
use serde_json::Value;

use crate::support::{CAMILLE, Caller, Harness, REDIRECT_URI};

fn location(turn: Turn) -> String {
    let Turn::Answer(answer) = turn else { panic!("no answer") };
    let AuthorizationResponse::Redirect(location) = answer.response else { panic!("no redirect") };
    location
}

#[tokio::test]
async fn the_phone_is_told_everything_but_the_number() {
    let harness = Harness::new().await;
    let _phone = harness.enrolled("camille", CAMILLE).await;
    let _waiting = harness.sign_in(CAMILLE).await;
    let caller = Caller::with_key_of(&harness, &harness.path("camille"));
    let list = caller.get("/mobile/v1/approvals").await;
    let approval = &list.body["approvals"][0];
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(approval), ["expires_at", "id", "number_required", "text"]);
    assert_eq!(members(&approval["text"]), ["approval", "at", "details", "origin", "purpose", "service"]);
    assert_eq!(approval["text"]["service"], "Dossier patient");
    assert_eq!(approval["text"]["origin"], "Firefox · Linux (192.0.2.44)");
    assert_eq!(approval["text"]["approval"], approval["id"]);
    assert_eq!(approval["number_required"], true);
    let path = format!("/mobile/v1/approvals/{}/challenge", approval["id"].as_str().unwrap());
    let begun = caller.post(&path, serde_json::json!({})).await;
    assert_eq!(members(&begun.body), ["options", "random", "text"]);
    assert_eq!(begun.body["text"], approval["text"]);
    assert_eq!(begun.body["options"]["userVerification"], "required");
    assert_eq!(begun.body["options"]["rpId"], "sceau.example");
}

#[tokio::test]
async fn the_right_number_signs_the_person_in() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let decided = phone.approve(None, Some(&waiting.number)).await.unwrap();
    assert_eq!(decided.status, "approved");
    assert!(phone.pending().await.unwrap().is_empty());
    let location = location(harness.resume(&waiting).await);
    assert!(location.starts_with(&format!("{REDIRECT_URI}?")), "{location}");
    assert!(location.contains("code=") && location.contains("state=state-of-the-client"), "{location}");
    assert_eq!(harness.audited("approval.decision approved").await, 1);
}

#[tokio::test]
async fn what_was_signed_is_kept_and_can_be_checked_without_this_code() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let decided = phone.approve(None, Some(&waiting.number)).await.unwrap();
    let decisions = &harness.provider.ports.decisions;
    let id = decided.id.parse().unwrap();
    let evidence = decisions.evidence(id).await.unwrap().unwrap();
    let own = sha256(&[b"sceau/approval/1", &evidence.random, &sha256(&[&evidence.text])]);
    let client_data: Value = serde_json::from_slice(&evidence.client_data_json).unwrap();
    assert_eq!(client_data["challenge"], base64url(own));
    assert_eq!(client_data["origin"], "https://sceau.example");
    let text: Value = serde_json::from_slice(&evidence.text).unwrap();
    assert_eq!(text, serde_json::to_value(&decided.text).unwrap());
    let proof = decisions.find(id).await.unwrap().unwrap().proof;
    assert_eq!(proof.person, harness.person(CAMILLE).await);
    assert_eq!(proof.device.map(|device| device.to_string()).as_deref(), phone.device_id());
}

#[tokio::test]
async fn a_refusal_ends_the_sign_in() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    assert_eq!(phone.deny(None, false).await.unwrap().status, "denied");
    assert!(location(harness.resume(&waiting).await).contains("error=access_denied"));
    assert_eq!(harness.audited("approval.decision denied").await, 1);
}

#[tokio::test]
async fn a_person_can_say_that_it_was_not_them() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    assert_eq!(phone.deny(None, true).await.unwrap().status, "denied");
    assert!(location(harness.resume(&waiting).await).contains("error=access_denied"));
    assert_eq!(harness.audited("approval.reported denied").await, 1);
    assert_eq!(harness.audited("approval.decision denied").await, 0);
}

#[tokio::test]
async fn either_phone_of_a_person_can_answer() {
    let harness = Harness::new().await;
    let mut first = harness.enrolled("first", CAMILLE).await;
    let mut second = harness.enrolled("second", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    assert_eq!(first.pending().await.unwrap(), second.pending().await.unwrap());
    second.approve(None, Some(&waiting.number)).await.unwrap();
    assert!(first.pending().await.unwrap().is_empty());
    assert!(location(harness.resume(&waiting).await).contains("code="));
}
