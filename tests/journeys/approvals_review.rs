//! Answers of phones that cross each other, and phones of persons who may no longer answer.

use sceau::base::ApprovalId;
use sceau::flow::{Screen, Turn};
use sceau::oauth::AuthorizationResponse;
use sceau::phone::{PhoneError, Refusal};
use sceau::ports::{Cutoff, CutoffScope, FenceLife};

use super::review::{event, revoke};
use crate::support::{CAMILLE, Harness};

fn refusal(result: Result<impl std::fmt::Debug, PhoneError>) -> Refusal {
    match result {
        Err(PhoneError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// The times of an approval's fences.
async fn life(harness: &Harness, id: ApprovalId) -> FenceLife {
    let now = harness.provider.now();
    let approval = harness.provider.ports.approvals.load(id, now).await.unwrap().unwrap();
    let expires = approval.value.request().deadline;
    FenceLife { expires, until: expires.plus(std::time::Duration::from_mins(10)) }
}

#[tokio::test]
async fn a_refusal_that_was_committed_holds_against_a_yes_on_its_way() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let id: ApprovalId = phone.pending().await.unwrap()[0].id.parse().unwrap();
    // Another phone's refusal, of which this one has not heard yet.
    let row = event("another phone");
    let decisions = &harness.provider.ports.decisions;
    assert!(decisions.deny(id, life(&harness, id).await, &row, &row).await.unwrap());
    let refused = refusal(phone.approve(None, Some(&waiting.number)).await);
    assert_eq!((refused.status, refused.error.as_str()), (409, "approval_ended"));
    assert!(decisions.find(id).await.unwrap().is_none());
    assert_eq!(harness.audited("approval.refused approval_replayed").await, 1);
}

#[tokio::test]
async fn a_yes_that_was_committed_is_not_refused_afterwards() {
    let harness = Harness::new().await;
    let mut first = harness.enrolled("first", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    let id: ApprovalId = first.approve(None, Some(&waiting.number)).await.unwrap().id.parse().unwrap();
    let row = event("another phone");
    let life = life(&harness, id).await;
    assert!(!harness.provider.ports.decisions.deny(id, life, &row, &row).await.unwrap());
    let Turn::Answer(answer) = harness.resume(&waiting).await else { panic!("no answer") };
    let AuthorizationResponse::Redirect(location) = answer.response else { panic!("no redirect") };
    assert!(location.contains("code="), "{location}");
}

#[tokio::test]
async fn a_phone_revoked_before_the_page_goes_on_signs_nobody_in() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    phone.approve(None, Some(&waiting.number)).await.unwrap();
    let device = phone.device_id().unwrap().parse().unwrap();
    revoke(&harness, CutoffScope::Device(device)).await;
    let turn = harness.resume(&waiting).await;
    assert!(matches!(turn, Turn::Page { screen: Screen::Identify { .. }, .. }));
    assert_eq!(harness.audited("code.issued authenticated").await, 0);
}

#[tokio::test]
async fn the_phone_of_a_locked_person_answers_for_nobody() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let _waiting = harness.sign_in(CAMILLE).await;
    revoke(&harness, CutoffScope::Person(harness.person(CAMILLE).await)).await;
    let refused = refusal(phone.pending().await);
    assert_eq!((refused.status, refused.error.as_str()), (401, "invalid_device"));
    assert_eq!(harness.audited("device.authentication person_inactive").await, 1);
}

#[tokio::test]
async fn a_cut_off_of_this_very_millisecond_counts() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    phone.approve(None, Some(&waiting.number)).await.unwrap();
    let cutoff = Cutoff { scope: CutoffScope::Global, at: harness.provider.now() };
    harness.provider.cutoffs.note(&cutoff);
    assert!(matches!(harness.resume(&waiting).await, Turn::Page { screen: Screen::Identify { .. }, .. }));
}
