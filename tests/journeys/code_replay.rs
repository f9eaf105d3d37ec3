//! A code is good once, for one client, with what it was asked with (RFC 6749 4.1.2, 4.1.3; RFC 7636 4.6).

use std::time::Duration;

use sceau::oauth::ErrorCode;

use crate::support::{Ask, CAMILLE, DpopKey, Harness, PageBrowser, Service, VERIFIER};

const OTHER_VERIFIER: &str = "another-verifier-of-the-sample-service-43-characters";

async fn signed_in(harness: &Harness, service: &Service<'_>) -> PageBrowser {
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    browser
}

async fn code(browser: &mut PageBrowser, ask: &Ask) -> String {
    browser.answered(&ask.url()).await.code().to_owned()
}

/// Field by field, what a redemption must not say; each leaves the code spent.
#[tokio::test]
async fn a_redemption_that_differs_is_refused_and_burns_the_code() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service).await;
    let mut new = crate::support::registration(
        "dossier",
        sceau::oauth::Profile::Oidc,
        sceau::oauth::ClientAuthMethod::SecretBasic,
    );
    new.redirect_uris.push(String::from("https://dossier.example/autre"));
    let service = Service::register(&harness, new).await;
    let (plain, challenged) =
        (service.ask().without("code_challenge").without("code_challenge_method"), service.ask());
    let table: [(&Ask, &str, Option<&str>); 8] = [
        (&challenged, "redirect_uri", Some("https://dossier.example/autre")),
        (&challenged, "redirect_uri", Some("https://dossier.example/retour/")),
        (&challenged, "redirect_uri", None),
        (&challenged, "code_verifier", Some(OTHER_VERIFIER)),
        (&challenged, "code_verifier", Some("too-short")),
        (&challenged, "code_verifier", None),
        // RFC 9700 4.8.2: a verifier without a challenge is a downgrade.
        (&plain, "code_verifier", Some(VERIFIER)),
        (&plain, "redirect_uri", Some("https://evil.example/")),
    ];
    for (ask, name, value) in table {
        let code = code(&mut browser, ask).await;
        let good = service.redemption(&code);
        let mut fields: Vec<(&str, &str)> = good.into_iter().filter(|(one, _)| *one != name).collect();
        fields.extend(value.map(|value| (name, value)));
        let (refused, rows) = harness.audited_during(service.token(&fields)).await;
        assert_eq!(refused.error(), (400, String::from("invalid_grant")), "{name} {value:?}");
        assert_eq!(rows, ["tokens.issued code_binding"], "{name} {value:?}");
        let again = service.token(&good).await;
        assert_eq!(
            again.error(),
            (400, String::from("invalid_grant")),
            "{name} {value:?} left the code alive"
        );
    }
    let code = code(&mut browser, &plain).await;
    let fields: Vec<_> =
        service.redemption(&code).into_iter().filter(|(one, _)| *one != "code_verifier").collect();
    assert_eq!(service.token(&fields).await.status, 200);
}

#[tokio::test]
async fn another_client_gets_nothing_and_burns_the_code() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let other = Service::psc(&harness, "other").await;
    let mut browser = signed_in(&harness, &service).await;
    let code = code(&mut browser, &service.ask()).await;
    let (refused, rows) = harness.audited_during(other.token(&service.redemption(&code))).await;
    assert_eq!(refused.error(), (400, String::from("invalid_grant")));
    assert_eq!(rows, ["tokens.issued code_binding"]);
    assert_eq!(service.token(&service.redemption(&code)).await.error().0, 400);
}

#[tokio::test]
async fn a_code_lives_for_a_minute() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service).await;
    let (young, old) = (code(&mut browser, &service.ask()).await, code(&mut browser, &service.ask()).await);
    harness.clock.advance(Duration::from_secs(59));
    service.redeem(&young).await;
    harness.clock.advance(Duration::from_secs(2));
    let (refused, rows) = harness.audited_during(service.token(&service.redemption(&old))).await;
    assert_eq!(refused.error(), (400, String::from("invalid_grant")));
    assert_eq!(rows.len(), 1, "{rows:?}");
}

#[tokio::test]
async fn a_second_use_ends_what_the_first_gave() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service).await;
    let code = code(&mut browser, &service.ask()).await;
    let tokens = service.redeem(&code).await;
    let (access, refresh) = (tokens.text_of("access_token"), tokens.text_of("refresh_token"));
    assert_eq!(service.userinfo(&access).await.status, 200);
    let (refused, rows) = harness.audited_during(service.token(&service.redemption(&code))).await;
    assert_eq!(refused.error(), (400, String::from("invalid_grant")));
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].starts_with("tokens.replay "), "{rows:?}");
    assert_eq!(service.userinfo(&access).await.error(), (401, String::from("invalid_token")));
    assert_eq!(service.refresh(&refresh).await.error(), (400, String::from("invalid_grant")));
    // The session is not the thief's fault: it goes on.
    browser.answered(&service.ask().url()).await.code();
}

#[tokio::test]
async fn a_code_that_another_client_replays_ends_nothing() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let other = Service::oidc(&harness, "other").await;
    let mut browser = signed_in(&harness, &service).await;
    let code = code(&mut browser, &service.ask()).await;
    let tokens = service.redeem(&code).await;
    assert_eq!(other.token(&service.redemption(&code)).await.error().1, "invalid_grant");
    assert_eq!(service.userinfo(&tokens.text_of("access_token")).await.status, 200);
}

#[tokio::test]
async fn asking_for_a_nonce_consumes_nothing() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    let url = service.pushed(&service.ask()).await;
    let code = browser.sign_in(&url, &mut phone, CAMILLE).await.code().to_owned();
    let key = service.dpop.as_ref().unwrap();
    let request =
        service.authenticated("/token", &service.redemption(&code), Some(&key.for_token(&harness, None)));
    let (first, rows) = harness.audited_during(harness.exchange(request)).await;
    assert_eq!(first.error(), (400, String::from(ErrorCode::UseDpopNonce.as_str())));
    assert_eq!(rows, Vec::<String>::new());
    assert!(!first.header("dpop-nonce").is_empty());
    service.redeem(&code).await;
}

/// RFC 9449 10: the code goes to the key that was named when it was asked for.
#[tokio::test]
async fn a_code_bound_to_a_key_is_for_that_key() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    let jkt = service.dpop.as_ref().unwrap().thumbprint();
    let url = service.pushed(&service.ask().with("dpop_jkt", &jkt)).await;
    let code = browser.sign_in(&url, &mut phone, CAMILLE).await.code().to_owned();
    let refused = service.token_with(&DpopKey::generate(), &service.redemption(&code)).await;
    assert_eq!(refused.error(), (400, String::from("invalid_grant")));
    let url = service.pushed(&service.ask().with("dpop_jkt", &jkt)).await;
    service.redeem(browser.answered(&url).await.code()).await;
}

#[tokio::test]
async fn other_single_use_values_are_not_codes() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service).await;
    let pushed = service.pushed(&service.ask()).await;
    let reference = pushed.rsplit("%3A").next().unwrap().to_owned();
    let good = code(&mut browser, &service.ask()).await;
    let altered = format!("{}{}", &good[..42], if good.ends_with('A') { 'E' } else { 'A' });
    for value in [&reference, &browser.session(), &altered, &good[..42], "x", &"x".repeat(5000)] {
        let refused = service.token(&service.redemption(value)).await;
        assert_eq!(refused.error(), (400, String::from("invalid_grant")), "{value}");
    }
    browser.answered(&pushed).await.code();
}
