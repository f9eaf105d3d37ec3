//! When refresh tokens and access tokens end (`security.md` RT-04, RT-06, RT-07; `attacks.md` ).

use std::time::Duration;

use sceau::ports::CutoffScope;

use super::refresh::tokens;
use crate::support::{CAMILLE, Harness, Received, Service};

async fn assert_refused(harness: &Harness, service: &Service<'_>, token: &str, row: &str) {
    let (refused, rows) = harness.audited_during(service.refresh(token)).await;
    assert_eq!(refused.error(), (400, String::from("invalid_grant")));
    assert_eq!(rows, [row]);
}

#[tokio::test]
async fn unused_for_half_an_hour() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let first = tokens(&harness, &service, "openid").await;
    assert_eq!(first.json()["refresh_expires_in"], 1800);
    let token = first.text_of("refresh_token");
    harness.clock.advance(Duration::from_secs(1799));
    assert_eq!(service.refresh(&token).await.status, 200);
    harness.clock.advance(Duration::from_mins(30));
    assert_refused(&harness, &service, &token, "tokens.refreshed expired").await;
}

#[tokio::test]
async fn with_the_session_after_four_hours_however_used() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let token = tokens(&harness, &service, "openid").await.text_of("refresh_token");
    for _ in 0..8 {
        harness.clock.advance(Duration::from_mins(29));
        assert_eq!(service.refresh(&token).await.status, 200);
    }
    let last = service.refresh(&token).await;
    assert_eq!(last.json()["refresh_expires_in"], 8 * 60, "never longer than the session");
    harness.clock.advance(Duration::from_mins(8));
    assert_refused(&harness, &service, &token, "tokens.refreshed expired").await;
}

/// Revoked now, refused now; another person is not touched.
async fn ended_by(scope: impl AsyncFnOnce(&Harness) -> CutoffScope, row: &str) -> (Received, Received) {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let first = tokens(&harness, &service, "openid").await;
    let scope = scope(&harness).await;
    harness.clock.advance(Duration::from_secs(5));
    harness.revoke(scope).await;
    assert_refused(&harness, &service, &first.text_of("refresh_token"), row).await;
    let userinfo = service.userinfo(&first.text_of("access_token")).await;
    assert_eq!(userinfo.error(), (401, String::from("invalid_token")));
    // What replicas read again says the same.
    harness.clock.advance(Duration::from_secs(5));
    assert_refused(&harness, &service, &first.text_of("refresh_token"), row).await;
    (first, userinfo)
}

#[tokio::test]
async fn when_the_phone_is_revoked() {
    let device = async |harness: &Harness| {
        let person = harness.person(CAMILLE).await;
        CutoffScope::Device(harness.provider.ports.devices.list(person).await.unwrap()[0].id)
    };
    ended_by(device, "tokens.refreshed device_revoked").await;
}

#[tokio::test]
async fn when_the_person_is_locked() {
    let person = async |harness: &Harness| CutoffScope::Person(harness.person(CAMILLE).await);
    ended_by(person, "tokens.refreshed person_inactive").await;
}

/// A refresh that keeps its token reads the person, and believes that before the cut-offs it knows.
#[tokio::test]
async fn when_another_process_has_just_locked_the_person() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let first = tokens(&harness, &service, "openid").await;
    harness.revoke_elsewhere(CutoffScope::Person(harness.person(CAMILLE).await)).await;
    assert_eq!(service.userinfo(&first.text_of("access_token")).await.status, 200, "not known here yet");
    let token = first.text_of("refresh_token");
    assert_refused(&harness, &service, &token, "tokens.refreshed person_inactive").await;
}

#[tokio::test]
async fn when_everything_is_cut_off() {
    ended_by(async |_| CutoffScope::Global, "tokens.refreshed session_ended").await;
}

#[tokio::test]
async fn when_the_client_is_disabled() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let first = tokens(&harness, &service, "openid").await;
    harness.revoke(CutoffScope::Client(service.client.client_id.clone())).await;
    // By another process: known here within a second.
    harness.clock.advance(Duration::from_secs(2));
    let (refused, rows) = harness.audited_during(service.refresh(&first.text_of("refresh_token"))).await;
    assert_eq!(refused.error(), (401, String::from("invalid_client")));
    assert_eq!(rows, ["client.authentication client_disabled"]);
    assert_eq!(service.userinfo(&first.text_of("access_token")).await.status, 401);
    let page = harness.page_browser().get(&service.ask().url()).await;
    page.assert_page(400, "client_id is missing or unknown");
}

#[tokio::test]
async fn a_person_locked_between_approval_and_answer_gets_no_tokens() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    let answer = browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await;
    harness.revoke(CutoffScope::Person(harness.person(CAMILLE).await)).await;
    let (refused, rows) = harness.audited_during(service.token(&service.redemption(answer.code()))).await;
    assert_eq!(refused.error(), (400, String::from("invalid_grant")));
    assert_eq!(rows, ["tokens.issued person_inactive"]);
    let none = browser.answered(&service.ask().with("prompt", "none").url()).await;
    assert_eq!(none.error(), "login_required");
}

#[tokio::test]
async fn an_access_token_lives_two_minutes() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let access = tokens(&harness, &service, "openid").await.text_of("access_token");
    harness.clock.advance(Duration::from_secs(119));
    assert_eq!(service.userinfo(&access).await.status, 200);
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(service.userinfo(&access).await.error(), (401, String::from("invalid_token")));
}
