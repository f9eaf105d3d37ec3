//! The person is asked before a service learns anything (OpenID Connect Core 3.1.2.4, RFC 8252 8.6).

use std::time::Duration;

use sceau::oauth::{ClientAuthMethod, Profile};
use sceau::phone::Phone;
use sceau::ports::ConsentSubject;

use crate::support::{CAMILLE, Harness, PageBrowser, Service, csrf, registration};

async fn asking(harness: &Harness) -> Service<'_> {
    let mut new = registration("asking", Profile::Oidc, ClientAuthMethod::SecretBasic);
    new.ask_consent = true;
    Service::register(harness, new).await
}

/// A person authenticated, before the consent page at the address returned.
async fn asked(browser: &mut PageBrowser, url: &str, phone: &mut Phone) -> String {
    let tab = browser.open(url).await;
    let number = browser.identify(&tab, CAMILLE).await;
    phone.approve(None, Some(&number)).await.unwrap();
    tab
}

#[tokio::test]
async fn a_yes_is_remembered_and_a_wider_request_is_asked_again() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = asking(&harness).await;
    let mut browser = harness.page_browser();
    let profile = service.ask().with("scope", "openid profile");
    let tab = asked(&mut browser, &profile.url(), &mut phone).await;
    let page = browser.get(&tab).await;
    page.assert_page(200, "Service asking demande à connaître");
    for shown in ["Camille VERDIER", "Vos nom et prénom", "jusqu’à ce que vous le retiriez"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert_eq!(browser.session(), "", "nothing is decided yet");
    browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client().code();
    assert_eq!(harness.audited("consent.decision allowed").await, 1);
    for narrower in ["openid", "openid profile"] {
        browser.answered(&service.ask().with("scope", narrower).url()).await.code();
    }
    let wider = service.ask().with("scope", "openid rpps");
    assert_eq!(
        browser.answered(&wider.clone().with("prompt", "none").url()).await.error(),
        "consent_required"
    );
    let tab = browser.open(&wider.url()).await;
    browser.get(&tab).await.assert_page(200, "Votre identifiant national (RPPS)");
}

#[tokio::test]
async fn a_no_is_told_to_the_client_and_not_remembered() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = asking(&harness).await;
    let mut browser = harness.page_browser();
    let tab = asked(&mut browser, &service.ask().url(), &mut phone).await;
    let (answer, rows) =
        harness.audited_during(browser.submit(&tab, "consent", &[("decision", "deny")])).await;
    assert_eq!(answer.to_client().error(), "access_denied");
    assert_eq!(rows, ["consent.decision refused", "authorization.request access_denied"]);
    harness.clock.advance(Duration::from_secs(61));
    let tab = asked(&mut browser, &service.ask().url(), &mut phone).await;
    browser.get(&tab).await.assert_page(200, "demande à connaître");
}

#[tokio::test]
async fn prompt_consent_asks_even_where_nothing_is_asked() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let url = service.ask().with("prompt", "consent").url();
    browser.sign_in_and_allow(&url, &mut phone, CAMILLE).await.code();
    let tab = browser.open(&url).await;
    browser.get(&tab).await.assert_page(200, "demande à connaître");
    browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client().code();
    browser.answered(&service.ask().url()).await.code();
}

#[tokio::test]
async fn a_native_application_asks_each_time() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::native(&harness, "native").await;
    let mut browser = harness.page_browser();
    browser.sign_in_and_allow(&service.ask().url(), &mut phone, CAMILLE).await.code();
    let none = browser.answered(&service.ask().with("prompt", "none").url()).await;
    assert_eq!(none.error(), "consent_required");
    let tab = browser.open(&service.ask().url()).await;
    browser.get(&tab).await.assert_page(200, "demande à connaître");
}

#[tokio::test]
async fn only_the_form_of_the_page_decides() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = asking(&harness).await;
    let mut browser = harness.page_browser();
    let tab = asked(&mut browser, &service.ask().url(), &mut phone).await;
    browser.get(&tab).await.assert_page(200, "demande à connaître");
    let path = format!("{tab}/consent");
    for fields in [&[("decision", "allow")][..], &[("decision", "allow"), ("csrf", "guessed")]] {
        browser.post(&path, fields).await.assert_page(400, "autre navigateur");
    }
    let twice = [("decision", "deny"), ("decision", "allow"), ("csrf", "x")];
    browser.post(&path, &twice).await.assert_page(400, "pas valable");
    assert_eq!(harness.audited("consent.decision allowed").await, 0);
    browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client().code();
}

#[tokio::test]
async fn a_consent_before_the_person_is_known_opens_nothing() {
    let harness = Harness::new().await;
    let service = asking(&harness).await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let early = browser.submit(&tab, "consent", &[("decision", "allow")]).await;
    early.assert_page(400, "a expiré");
    browser.identify(&tab, CAMILLE).await;
    let early = browser.submit(&tab, "consent", &[("decision", "allow")]).await;
    early.assert_page(400, "a expiré");
    assert_eq!(harness.audited("consent.decision allowed").await, 0);
}

/// A code in flight, and what takes away what it stands on.
#[tokio::test]
async fn a_code_in_flight_dies_with_the_consent_that_gave_it() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let person = harness.person(CAMILLE).await;
    let service = asking(&harness).await;
    let client = &service.client.client_id;
    let own = ConsentSubject { person, on_behalf_of: None, client };
    let mut browser = harness.page_browser();
    let allow = [("decision", "allow")];
    let tab = asked(&mut browser, &service.ask().url(), &mut phone).await;
    let asked_anew = browser.submit(&tab, "consent", &allow).await.to_client();
    let from_memory = browser.answered(&service.ask().url()).await;
    harness.clock.advance(Duration::from_secs(1));
    assert!(harness.provider.withdraw_consent(own).await.unwrap());
    for answer in [asked_anew, from_memory] {
        let refused = service.token(&service.redemption(answer.code())).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")));
    }
    assert_eq!(harness.audited("tokens.issued consent_withdrawn").await, 2);

    // Consented, and taken back before the browser came for its answer.
    harness.clock.advance(Duration::from_secs(1));
    let tab = browser.open(&service.ask().url()).await;
    let page = browser.get(&tab).await;
    let form = [("decision", "allow"), ("csrf", &csrf(&page.text))];
    assert_eq!(browser.post(&format!("{tab}/consent"), &form).await.status, 303);
    harness.clock.advance(Duration::from_secs(1));
    assert!(harness.provider.withdraw_consent(own).await.unwrap());
    harness.clock.advance(Duration::from_secs(1));
    let late = browser.finish(&tab).await;
    assert_eq!(service.token(&service.redemption(late.code())).await.status, 400);

    // Given anew, it gives anew.
    let tab = browser.open(&service.ask().url()).await;
    let answer = browser.submit(&tab, "consent", &allow).await.to_client();
    service.redeem(answer.code()).await;
}

#[tokio::test]
async fn a_code_in_flight_dies_with_the_account() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let answer = harness.page_browser().sign_in(&service.ask().url(), &mut phone, CAMILLE).await;
    let person = harness.provider.ports.persons.find(harness.person(CAMILLE).await).await.unwrap().unwrap();
    harness.provider.lock_person(&person).await.unwrap();
    let refused = service.token(&service.redemption(answer.code())).await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(harness.audited("tokens.issued person_inactive").await, 1);
}
