//! Sign-in by another provider: known, linked for the first time, linked by both sides; what it proves.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use sceau::base::{LinkId, OsEntropy};
use sceau::device::Content;
use sceau::ports::{Link, LinkOutcome, LinkedBy};
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::federation_stage::{Stage, provider};
use crate::support::{CAMILLE, SESSION, Service, bare, exchange, number};

#[tokio::test]
async fn the_page_offers_the_providers_and_sends_there() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let page = browser.get(&tab).await;
    page.assert_page(200, "S’identifier avec FranceConnect+");
    assert!(page.text.contains("value=\"autre\""), "{}", page.text);
    assert!(page.header("content-security-policy").contains(&stage.issuer), "Chromium follows redirects");
    let away = stage.leave(&mut browser, &tab).await;
    assert_eq!(away.sent["redirect_uri"], "https://sceau.example/federation/fc/callback");
    assert_eq!((away.state().len(), away.sent["nonce"].len()), (64, 64));
    assert!(away.state().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!((away.sent["acr_values"].as_str(), away.sent["ui_locales"].as_str()), ("eidas2", "fr"));
    assert_eq!(away.sent["code_challenge_method"], "S256");
    assert!(!away.sent.contains_key("prompt"));
    let asked = service.ask().with("acr_values", "eidas2").with("prompt", "login");
    let tab = browser.open(&asked.url()).await;
    assert_eq!(stage.leave(&mut browser, &tab).await.sent["prompt"], "login");
}

#[tokio::test]
async fn a_first_link_signs_in_and_is_told() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().with("acr_values", "eidas2").url()).await;
    stage.federated(&mut browser, &tab).await;
    let code = browser.finish(&tab).await;
    let tokens = service.redeem(code.code()).await;
    let claims = service.verified(&tokens.text_of("id_token")).await;
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("eidas2"), &json!(["fc", "pwd", "mfa"])));
    let person = stage.patient("p-01").await;
    assert_eq!(stage.linked("p-01").await, Some(person));
    let notices = stage.harness.outbox.notices();
    assert_eq!(notices.len(), 2, "on every known contact");
    assert!(notices.iter().all(|notice| notice.person == person
        && matches!(&notice.content, Content::NewLink { provider, .. } if provider == "FranceConnect+")));
    let stored = stage.harness.provider.ports.persons.find(person).await.unwrap().unwrap();
    assert_eq!(stored.cooling_until, Some(stage.harness.provider.now().plus(Duration::from_hours(72))));
    let audit = stage.harness.audit().await;
    for row in [
        "federation.request sent",
        "federation.linked first_match",
        "federation.link_announced queued",
        "federation.answer first_link",
    ] {
        assert_eq!(audit.iter().filter(|one| *one == row).count(), 1, "{row}: {audit:?}");
    }

    // The next time it is known, and the same person to the service.
    let mut other = stage.harness.page_browser();
    let tab = other.open(&service.ask().url()).await;
    stage.federated(&mut other, &tab).await;
    let again = service.redeem(other.finish(&tab).await.code()).await;
    assert_eq!(service.verified(&again.text_of("id_token")).await["sub"], claims["sub"]);
    assert_eq!(stage.harness.audited("federation.answer known").await, 1);
    assert_eq!(stage.harness.outbox.notices().len(), 2);
}

#[tokio::test]
async fn the_level_of_the_provider_is_never_raised() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    // No floor: eidas2 is asked for, eidas1 comes, which is refused; eidas3 serves, under our own ceiling.
    for (acr, reached) in [("eidas1", None), ("eidas3", Some("eidas2"))] {
        stage.plays("p-01", |play| play.claims["acr"] = json!(acr));
        let mut browser = stage.harness.page_browser();
        let tab = browser.open(&service.ask().url()).await;
        let back = stage.federate(&mut browser, &tab).await;
        let Some(reached) = reached else {
            back.assert_page(403, "n’est pas assez sûr");
            continue;
        };
        assert_eq!(back.status, 303, "{}", back.text);
        let tokens = service.redeem(browser.finish(&tab).await.code()).await;
        assert_eq!(service.verified(&tokens.text_of("id_token")).await["acr"], reached);
    }
}

#[tokio::test]
async fn idp_hint_goes_straight_to_a_configured_provider() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let opened = browser.get(&service.ask().with("idp_hint", "fc").url()).await;
    let tab = browser.cookies.keys().find(|name| name.contains("sceau-i-")).unwrap();
    let id = tab.rsplit('-').next().unwrap();
    let tab = format!("/interaction/{}", uuid::Uuid::parse_str(id).unwrap());
    let away = stage.away(opened.header("location"));
    let back = stage.back(&mut browser, &away).await;
    assert_eq!(back.header("location"), tab);
    browser.finish(&tab).await.code();
    // Unknown, or without an answer: the page, with all that is offered.
    for hint in ["nobody", "autre"] {
        let mut browser = stage.harness.page_browser();
        let tab = browser.open(&service.ask().with("idp_hint", hint).url()).await;
        browser.get(&tab).await.assert_page(200, "S’identifier avec FranceConnect+");
    }
}

/// Links an account of the played provider to a person, as the account page would.
pub(super) async fn link(stage: &Stage, reference: &str, person: sceau::base::PersonId) {
    let link = Link {
        id: LinkId::random(&OsEntropy),
        person,
        provider: provider("fc"),
        key: stage.key(reference),
        pivot: Some(crate::support::identity(reference).patient.pivot),
        linked_at: stage.harness.provider.now(),
        by: LinkedBy::BothSides,
    };
    let event = sceau::audit::AuditEvent::new(
        sceau::base::AuditId::ordered(&OsEntropy, link.linked_at),
        link.linked_at,
        sceau::audit::EventKind::UpstreamLinked,
        sceau::audit::Decision::Success,
        "test",
    );
    let made = stage.harness.provider.ports.links.link_proved(&link, &event).await.unwrap();
    assert_eq!(made, LinkOutcome::Linked);
}

/// another provider never replaces a professional's phone.
#[tokio::test]
async fn a169_a_professional_with_a_phone_is_asked_for_it() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let camille = stage.harness.person(CAMILLE).await;
    link(&stage, "p-01", camille).await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    stage.federated(&mut browser, &tab).await;
    let tokens = service.redeem(browser.finish(&tab).await.code()).await;
    assert_eq!(service.verified(&tokens.text_of("id_token")).await["acr"], "eidas1");

    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().with("acr_values", "eidas2").url()).await;
    stage.federated(&mut browser, &tab).await;
    let shown = number(&browser.get(&tab).await.text);
    phone.approve(None, Some(&shown)).await.unwrap();
    let tokens = service.redeem(browser.finish(&tab).await.code()).await;
    let claims = service.verified(&tokens.text_of("id_token")).await;
    assert_eq!((&claims["acr"], &claims["amr"][0]), (&json!("eidas2"), &json!("hwk")));
    assert_eq!(stage.harness.audited("approval.opened phone_expected").await, 1);
}

/// Fifty answers for one account there make one link (`attacks.md` A-163).
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_callbacks_make_one_link() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut requests = Vec::new();
    for _ in 0..50 {
        let mut browser = stage.harness.page_browser();
        let tab = browser.open(&service.ask().url()).await;
        let away = stage.leave(&mut browser, &tab).await;
        requests.push(browser.dressed(bare(&Method::GET, &away.callback(), &[])));
        // The limit of one source is for one minute.
        stage.harness.clock.advance(Duration::from_secs(2));
    }
    let barrier = Arc::new(Barrier::new(requests.len()));
    let mut tasks = JoinSet::new();
    for request in requests {
        let (router, barrier) = (stage.harness.router.clone(), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            exchange(&router, request).await
        });
    }
    let answers = tasks.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 303), "{answers:?}");
    assert_eq!(stage.harness.audited("federation.linked first_match").await, 1);
    assert_eq!(stage.harness.audited("federation.answer first_link").await, 1);
    assert_eq!(stage.harness.audited("federation.answer known").await, 49);
    let person = stage.patient("p-01").await;
    assert_eq!(stage.harness.provider.ports.links.of(person).await.unwrap().len(), 1);
    assert_eq!(stage.harness.outbox.notices().len(), 2);
}

#[tokio::test]
async fn a_session_of_another_provider_serves_the_next_service() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    stage.federated(&mut browser, &tab).await;
    browser.finish(&tab).await.code();
    assert!(browser.cookies.contains_key(SESSION));
    browser.answered(&service.ask().with("prompt", "none").url()).await.code();
}
