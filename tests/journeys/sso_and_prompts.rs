//! One login for several services, and what a request may say about it (OpenID Connect Core 3.1.2.1).

use std::time::Duration;

use sceau::base::base64url;
use sceau::jose::{Algorithm, PrivateKey, compact, signing_input};
use serde_json::json;

use crate::support::{CAMILLE, HUGO, Harness, ISSUER, PageBrowser, Service};

async fn signed_in(harness: &Harness, service: &Service<'_>) -> PageBrowser {
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    harness.clock.advance(Duration::from_mins(1));
    browser
}

#[tokio::test]
async fn a_second_service_needs_no_phone() {
    let harness = Harness::new().await;
    let first = Service::oidc(&harness, "first").await;
    let second = Service::psc(&harness, "second").await;
    let mut browser = signed_in(&harness, &first).await;
    let cookie = browser.session();
    let (answer, rows) = harness.audited_during(browser.answered(&second.ask().url())).await;
    assert_eq!(rows, ["code.issued session"]);
    let tokens = second.redeem(answer.code()).await;
    let claims = second.verified(&tokens.text_of("id_token")).await;
    let now = harness.provider.now().secs();
    assert_eq!(claims["auth_time"], json!(now - 60));
    assert_eq!(browser.session(), cookie, "no authentication, no new cookie");
    // A session that came by POST is seen too (design decision 19).
    let posted = browser.post("/authorize", &second.ask().pairs()).await;
    assert_eq!(posted.status, 303);
    browser.answered(posted.header("location")).await.code();
}

#[tokio::test]
async fn prompt_none_never_shows_a_page() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let none = service.ask().with("prompt", "none");
    let (answer, rows) =
        harness.audited_during(async { harness.page_browser().answered(&none.url()).await }).await;
    assert_eq!((answer.error(), answer.get("state")), ("login_required", "état=1&2"));
    assert_eq!(rows, ["authorization.request login_required"]);
    let mut browser = signed_in(&harness, &service).await;
    browser.answered(&none.url()).await.code();
    for other in ["none login", "none consent", "login none", "unknown"] {
        let answer = browser.answered(&service.ask().with("prompt", other).url()).await;
        assert_eq!(answer.error(), "invalid_request", "{other}");
    }
    let answer = browser.answered(&none.with("max_age", "59").url()).await;
    assert_eq!(answer.error(), "login_required");
}

#[tokio::test]
async fn what_forces_a_new_authentication() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service).await;
    let forced = [("prompt", "login"), ("prompt", "select_account"), ("max_age", "59"), ("max_age", "0")];
    for (name, value) in forced {
        let tab = browser.open(&service.ask().with(name, value).url()).await;
        browser.get(&tab).await.assert_page(200, "Qui êtes-vous");
    }
    for (name, value) in [("max_age", "60"), ("max_age", "3600"), ("display", "popup")] {
        browser.answered(&service.ask().with(name, value).url()).await.code();
    }
    let bad = browser.answered(&service.ask().with("max_age", "-1").url()).await;
    assert_eq!(bad.error(), "invalid_request");
}

#[tokio::test]
async fn a_forced_authentication_is_fresh_and_keeps_the_session() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service).await;
    let mut phone = harness.reopened("camille", harness.transport());
    let old = browser.answered(&service.ask().url()).await;
    let answer = browser.sign_in(&service.ask().with("max_age", "1").url(), &mut phone, CAMILLE).await;
    let old = service.verified(&service.redeem(old.code()).await.text_of("id_token")).await;
    let new = service.verified(&service.redeem(answer.code()).await.text_of("id_token")).await;
    assert_eq!(new["auth_time"], json!(harness.provider.now().secs()));
    assert_eq!(old["auth_time"], json!(harness.provider.now().secs() - 60));
    assert_eq!((&old["sid"], &old["sub"]), (&new["sid"], &new["sub"]));
}

/// In the second of the login itself, too.
#[tokio::test]
async fn a_login_of_this_very_moment_does_not_answer_a_forced_one() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    for (name, value) in [("prompt", "login"), ("max_age", "0")] {
        let tab = browser.open(&service.ask().with(name, value).url()).await;
        browser.get(&tab).await.assert_page(200, "Qui êtes-vous");
    }
}

#[tokio::test]
async fn another_person_ends_the_session_of_the_first() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service).await;
    let first = service.redeem(browser.answered(&service.ask().url()).await.code()).await;
    let mut phone = harness.enrolled("hugo", HUGO).await;
    let ask = service.ask().with("prompt", "select_account");
    let answer = browser.sign_in(&ask.url(), &mut phone, HUGO).await;
    assert_eq!(harness.audited("session.ended another_person").await, 1);
    let second = service.verified(&service.redeem(answer.code()).await.text_of("id_token")).await;
    let claims = service.verified(&first.text_of("id_token")).await;
    assert_ne!(claims["sub"], second["sub"]);
    assert_ne!(claims["sid"], second["sid"]);
    assert_eq!(service.userinfo(&first.text_of("access_token")).await.status, 401);
}

#[tokio::test]
async fn a_hint_names_who_must_answer() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let other = Service::oidc(&harness, "other").await;
    let mut browser = signed_in(&harness, &service).await;
    let own = service.redeem(browser.answered(&service.ask().url()).await.code()).await.text_of("id_token");
    let elsewhere = other.redeem(browser.answered(&other.ask().url()).await.code()).await.text_of("id_token");
    let mut phone = harness.enrolled("hugo", HUGO).await;
    let mut second = harness.page_browser();
    let answer = second.sign_in(&service.ask().url(), &mut phone, HUGO).await;
    let hugo = service.redeem(answer.code()).await;
    let access = hugo.text_of("access_token");
    let hugo = hugo.text_of("id_token");

    let none = service.ask().with("prompt", "none");
    browser.answered(&none.clone().with("id_token_hint", &own).url()).await.code();
    // OpenID Connect Core 3.1.2.1: an expired one is good.
    harness.clock.advance(Duration::from_mins(10));
    browser.answered(&none.clone().with("id_token_hint", &own).url()).await.code();
    let forged = forged_hint(&own);
    let refused = [hugo.as_str(), &elsewhere, &forged, &access, "not.a.token", "x"];
    for hint in refused {
        let answer = browser.answered(&none.clone().with("id_token_hint", hint).url()).await;
        assert_eq!(answer.error(), "login_required", "{hint}");
    }
    // With a page: the person asked for may answer, and nobody else.
    let ask = service.ask().with("id_token_hint", &hugo);
    let answer =
        browser.sign_in(&ask.url(), &mut harness.reopened("camille", harness.transport()), CAMILLE).await;
    assert_eq!(answer.error(), "login_required");
    harness.clock.advance(Duration::from_secs(61));
    browser.sign_in(&ask.url(), &mut phone, HUGO).await.code();
}

/// The same claims, signed by somebody else.
fn forged_hint(good: &str) -> String {
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    let claims = good.split('.').nth(1).unwrap();
    let claims = serde_json::from_slice(&sceau::base::from_base64url(claims).unwrap()).unwrap();
    let input = signing_input(&json!({ "alg": "ES256", "typ": "JWT", "kid": base64url([7; 16]) }), &claims);
    let signature = key.sign(input.as_bytes()).unwrap();
    assert_eq!(claims["iss"], ISSUER);
    compact(input, &signature)
}

#[tokio::test]
async fn a_session_ends_idle_after_half_an_hour_and_always_after_four_hours() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let none = service.ask().with("prompt", "none").url();
    let mut browser = signed_in(&harness, &service).await;
    let mut idle = browser.clone();
    browser.answered(&none).await.code();
    for _ in 0..8 {
        harness.clock.advance(Duration::from_mins(29));
        browser.answered(&none).await.code();
    }
    harness.clock.advance(Duration::from_mins(7));
    assert_eq!(browser.answered(&none).await.error(), "login_required", "four hours");
    let mut phone = harness.reopened("camille", harness.transport());
    idle.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    harness.clock.advance(Duration::from_mins(30));
    assert_eq!(idle.answered(&none).await.error(), "login_required", "half an hour");
}
