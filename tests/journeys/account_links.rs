//! The page of links and consents: seen by the person alone, and taken back by a form of their session.

use std::time::Duration;

use http::Method;
use sceau::audit::{AuditEvent, Decision, EventKind};
use sceau::base::{AuditId, LinkId, OsEntropy};
use sceau::identity::PatientClaim;
use sceau::oauth::{ClientAuthMethod, Profile, ScopeSet};
use sceau::ports::Consent;

use super::account::visit;
use super::federation::link;
use super::federation_stage::Stage;
use crate::support::{CAMILLE, HUGO, PageBrowser, SESSION, Service, bare, csrf, registration};

pub(super) const LINKS: &str = "/account/links";

async fn only_link(stage: &Stage, national_id: &str) -> LinkId {
    let person = stage.harness.person(national_id).await;
    let links = stage.harness.provider.links_of(person).await.unwrap();
    assert_eq!(links.len(), 1);
    links[0].id
}

fn unlinking(link: LinkId) -> String {
    format!("{LINKS}/{link}/revoke")
}

/// A service that asks, and is allowed to know the names.
async fn allowed<'a>(stage: &'a Stage, browser: &mut PageBrowser) -> (Service<'a>, String) {
    let mut new = registration("asking", Profile::Oidc, ClientAuthMethod::SecretBasic);
    new.ask_consent = true;
    let service = Service::register(&stage.harness, new).await;
    let ask = service.ask().with("scope", "openid profile offline_access").with("prompt", "consent");
    let tab = browser.open(&ask.url()).await;
    let code = browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client();
    let tokens = service.redeem(code.code()).await;
    let refresh = tokens.text_of("refresh_token");
    (service, refresh)
}

#[tokio::test]
async fn a_person_sees_their_links_and_consents() {
    let stage = Stage::new().await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    link(&stage, "p-01", stage.harness.person(CAMILLE).await).await;
    link(&stage, "p-02", stage.harness.person(HUGO).await).await;
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, "/account", &mut phone, CAMILLE).await;
    assert!(browser.get("/account").await.text.contains("href=\"/account/links\""));
    let page = browser.get(LINKS).await;
    page.assert_page(200, "Aucune autorisation n’est en mémoire");
    allowed(&stage, &mut browser).await;
    let page = browser.get(LINKS).await;
    page.assert_page(200, "Comptes associés et services autorisés");
    for shown in [
        "FranceConnect+</strong>",
        "confirmé avec votre téléphone",
        "Service asking</strong>",
        "Vos nom et prénom",
        "quand vous n’êtes pas là",
        "celle-ci comprise",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert_eq!(page.text.matches("/revoke\"").count(), 2, "only their own: {}", page.text);
    assert!(!page.text.contains("sub-of"), "the account there is named to nobody");
    assert!(!page.text.contains("value=\"fc\""), "linked already");
    assert!(page.text.contains("Associer Autre"), "{}", page.text);
    assert!(page.header("content-security-policy").contains("http://127.0.0.1:9"), "Chromium");
    assert_eq!(page.header("cache-control"), "no-store");
    browser.languages = "en-GB";
    browser.get(LINKS).await.assert_page(200, "confirmed with your phone");
    // Whoever is not signed in signs in first.
    let sent = stage.harness.page_browser().get(LINKS).await;
    assert!(sent.header("location").ends_with("&state=links"), "{}", sent.header("location"));
}

#[tokio::test]
async fn dates_are_said_in_words() {
    let stage = Stage::new().await;
    let (provider, person) = (&stage.harness.provider, stage.harness.person(CAMILLE).await);
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, LINKS, &mut phone, CAMILLE).await;
    link(&stage, "p-01", person).await;
    let days = ["01", "02", "09", "10", "11", "12", "19", "20", "21", "22", "28", "30"];
    for (month, day) in (1..).zip(days) {
        let service = Service::oidc(&stage.harness, &format!("m{month:02}")).await;
        let at = format!("2026-{month:02}-{day}T23:59:59Z").parse().unwrap();
        let (client, scope) = (service.client.client_id.clone(), ScopeSet::parse("openid").unwrap());
        let consent = Consent { person, on_behalf_of: None, kind: None, client, scope, at };
        let id = AuditId::ordered(&OsEntropy, at);
        let event = AuditEvent::new(id, at, EventKind::Consent, Decision::Success, "test");
        provider.ports.grants.remember_consent(&consent, &event).await.unwrap();
    }
    let french = [
        "1er janvier",
        "2 février",
        "9 mars",
        "10 avril",
        "11 mai",
        "12 juin",
        "19 juillet",
        "20 août",
        "21 septembre",
        "22 octobre",
        "28 novembre",
        "30 décembre",
    ];
    let english = [
        "1 January",
        "2 February",
        "9 March",
        "10 April",
        "11 May",
        "12 June",
        "19 July",
        "20 August",
        "21 September",
        "22 October",
        "28 November",
        "30 December",
    ];
    for (language, said, linked, valid, days) in [
        ("fr-FR", "autorisé le", "associé le 15 janvier 2027", "valable jusqu’au 14 janvier 2030", french),
        ("en-GB", "allowed on", "linked on 15 January 2027", "valid until 14 January 2030", english),
    ] {
        browser.languages = language;
        let page = browser.get(LINKS).await.text;
        assert!(page.contains(linked), "{page}");
        for day in days {
            assert!(page.contains(&format!("{said} {day} 2026")), "{day}: {page}");
        }
        let page = browser.get("/account").await.text;
        assert!(page.contains(valid), "{page}");
    }
}

#[tokio::test]
async fn a_link_is_removed_by_a_form_of_this_session_alone_and_ends_it() {
    let stage = Stage::new().await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let camille = stage.harness.person(CAMILLE).await;
    link(&stage, "p-01", camille).await;
    link(&stage, "p-02", stage.harness.person(HUGO).await).await;
    let (own, others) = (only_link(&stage, CAMILLE).await, only_link(&stage, HUGO).await);
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, LINKS, &mut phone, CAMILLE).await;
    let good = csrf(&browser.get(LINKS).await.text);
    for bad in [vec![], vec![("csrf", "")], vec![("csrf", "wrong")]] {
        let (page, rows) = stage.harness.audited_during(browser.post(&unlinking(own), &bad)).await;
        assert_eq!(page.status, 400, "{}", page.text);
        assert_eq!(rows, ["interaction.opened form_value_wrong"]);
    }
    // Another person's link, none, no link at all; no session; a link instead of a form.
    for path in
        [unlinking(others), unlinking(LinkId::random(&OsEntropy)), String::from("/account/links/x/revoke")]
    {
        let (sent, rows) = stage.harness.audited_during(browser.post(&path, &[("csrf", &good)])).await;
        assert_eq!((sent.status, sent.header("location")), (303, LINKS), "{path}");
        assert_eq!(rows, ["federation.unlinked not_found"]);
    }
    let nobody = stage.harness.page_browser().post(&unlinking(own), &[("csrf", &good)]).await;
    assert!(nobody.header("location").starts_with("/authorize?"));
    assert_eq!(browser.send(bare(&Method::GET, &unlinking(own), &[])).await.status, 405);
    assert_eq!(stage.linked("p-01").await, Some(camille));
    assert!(stage.linked("p-02").await.is_some());

    let (sent, rows) = stage.harness.audited_during(browser.post(&unlinking(own), &[("csrf", &good)])).await;
    assert_eq!((sent.status, sent.header("location")), (303, "/account/links?done=unlinked"));
    assert_eq!(rows, ["federation.unlinked by_person"]);
    assert_eq!(stage.linked("p-01").await, None);
    browser.get(sent.header("location")).await.assert_page(200, "Toutes vos sessions sont fermées");
    assert_eq!(browser.get(LINKS).await.status, 303, "signed out");
}

#[tokio::test]
async fn a_session_that_came_by_the_link_ends_with_it() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    stage.federated(&mut browser, &tab).await;
    browser.finish(&tab).await.code();
    let page = browser.get(LINKS).await;
    page.assert_page(200, "reconnu par votre identité");
    assert!(page.text.contains("la connexion par un autre compte ne suffit pas"), "{}", page.text);
    let person = stage.patient("p-01").await;
    let own = stage.harness.provider.links_of(person).await.unwrap()[0].id;
    // The instant of the sign-in itself is cut too, whatever the clock's grain.
    stage.harness.clock.advance(Duration::from_secs(1));
    browser.post(&unlinking(own), &[("csrf", &csrf(&page.text))]).await;
    let silent = browser.answered(&service.ask().with("prompt", "none").url()).await;
    assert_eq!(silent.error(), "login_required");
    assert_eq!(stage.linked("p-01").await, None);
}

#[tokio::test]
async fn a_consent_is_taken_back() {
    let stage = Stage::new().await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut hugos = stage.harness.attested_phone("hugo", HUGO).await;
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, LINKS, &mut phone, CAMILLE).await;
    let (service, refresh) = allowed(&stage, &mut browser).await;
    let good = csrf(&browser.get(LINKS).await.text);
    let path = "/account/consents/revoke";
    let fields = [("client", "asking"), ("csrf", "wrong")];
    let (page, rows) = stage.harness.audited_during(browser.post(path, &fields)).await;
    assert_eq!((page.status, rows), (400, vec![String::from("interaction.opened form_value_wrong")]));
    for client in ["dossier", "", "é"] {
        let fields = [("client", client), ("csrf", &good)];
        let (sent, rows) = stage.harness.audited_during(browser.post(path, &fields)).await;
        assert_eq!((sent.status, sent.header("location")), (303, LINKS), "{client}");
        assert_eq!(rows, ["consent.decision not_found"]);
    }
    // Somebody else's session takes back nothing of this person.
    let mut other = stage.harness.page_browser();
    visit(&mut other, LINKS, &mut hugos, HUGO).await;
    let theirs = csrf(&other.get(LINKS).await.text);
    other.post(path, &[("client", "asking"), ("csrf", &theirs)]).await;
    let refreshed = service.refresh(&refresh).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    let refresh = refreshed.text_of("refresh_token");

    let fields = [("client", "asking"), ("csrf", good.as_str())];
    let (sent, rows) = stage.harness.audited_during(browser.post(path, &fields)).await;
    assert_eq!(sent.header("location"), "/account/links?done=withdrawn");
    assert_eq!(rows, ["consent.decision withdrawn"]);
    let page = browser.get(sent.header("location")).await;
    page.assert_page(200, "L’autorisation est retirée");
    assert!(!page.text.contains("Service asking"));
    assert_eq!(service.refresh(&refresh).await.status, 400, "what it was granted ends");
    let again = browser.answered(&service.ask().with("prompt", "none").url()).await;
    assert_eq!(again.error(), "consent_required");
}

#[tokio::test]
async fn a_patient_reads_what_is_sent_in_words() {
    let stage = Stage::new().await;
    let mut new = registration("asking", Profile::Oidc, ClientAuthMethod::SecretBasic);
    new.scope = ScopeSet::parse("openid profile identite_pivot ins").unwrap();
    new.release = [PatientClaim::FamilyName, PatientClaim::Ins].into();
    let service = Service::register(&stage.harness, new).await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().with("scope", "openid identite_pivot ins").url()).await;
    stage.federated(&mut browser, &tab).await;
    browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client().code();
    assert!(browser.cookies.contains_key(SESSION));
    let page = browser.get(LINKS).await;
    for shown in
        ["Service asking</strong>", "Un identifiant propre", "Votre nom de naissance", "matricule INS"]
    {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    for hidden in ["identité pivot", "date de naissance", "identite_pivot"] {
        assert!(!page.text.contains(hidden), "{hidden}: {}", page.text);
    }
}
