//! Signing in without an identifier: a code on the page, claimed by a phone, then the number as ever.

use std::time::Duration;

use sceau::base::ApprovalId;
use sceau::identity::Way;
use sceau::phone::{Phone, PhoneError};
use sceau::ports::CutoffScope;
use serde_json::Value;

use crate::support::{
    CAMILLE, Caller, HUGO, Harness, ISSUER, PageBrowser, Service, between, number, other_number,
};

/// Asks for a code: what it says.
async fn code(browser: &mut PageBrowser, tab: &str) -> String {
    let sent = browser.submit(tab, "qr", &[]).await;
    assert_eq!((sent.status, sent.header("location")), (303, tab), "{}", sent.text);
    address(&browser.get(tab).await.text)
}

fn address(page: &str) -> String {
    let found = between(page, "<code id=\"qr-text\">", "</code>");
    found.unwrap_or_else(|| panic!("no code: {page}")).to_owned()
}

fn refused(error: &PhoneError) -> (u16, &str) {
    let PhoneError::Refused(refusal) = error else { panic!("{error:?}") };
    (refusal.status, &refusal.error)
}

fn id_of(address: &str) -> ApprovalId {
    address.rsplit('/').next().unwrap().parse().unwrap()
}

async fn wrong(phone: &mut Phone, shown: &str) {
    let error = phone.approve(None, Some(&other_number(shown))).await.unwrap_err();
    assert_eq!(refused(&error), (400, "wrong_number"));
}

#[tokio::test]
async fn a_code_is_claimed_the_number_is_typed_and_a_session_begins() {
    let harness = Harness::new().await;
    let mut phone = harness.attested_phone("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let (said, rows) = harness.audited_during(code(&mut browser, &tab)).await;
    assert!(said.starts_with(&format!("{ISSUER}/q/")), "{said}");
    assert_eq!(rows, ["approval.opened qr"]);
    assert!(phone.pending().await.unwrap().is_empty(), "it names nobody");

    let (claimed, rows) = harness.audited_during(phone.claim(&said)).await;
    let claimed = claimed.unwrap();
    assert_eq!(rows, ["approval.opened claimed"]);
    assert_eq!((claimed.text.service.as_str(), claimed.number_required), ("Service dossier", true));
    assert!(!claimed.text.origin.is_empty(), "where it comes from");
    assert_eq!(phone.pending().await.unwrap(), [claimed]);

    let shown = number(&browser.get(&tab).await.text);
    wrong(&mut phone, &shown).await;
    phone.approve(None, Some(&shown)).await.unwrap();
    let proof = harness.provider.ports.decisions.find(id_of(&said)).await.unwrap().unwrap().proof;
    assert_eq!(
        (proof.terms.way, proof.device.map(|id| id.to_string()).as_deref()),
        (Way::Qr, phone.device_id())
    );
    let answer = browser.finish(&tab).await;
    let code = answer.code();
    let tokens: Value = serde_json::from_str(&service.redeem(code).await.text).unwrap();
    let claims = service.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(claims["acr"], "eidas2");
    assert_eq!(harness.audited("approval.decision approved").await, 1);
}

#[tokio::test]
async fn the_number_is_not_there_before_the_claim() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let said = code(&mut browser, &tab).await;
    let kept =
        harness.provider.ports.approvals.load(id_of(&said), harness.provider.now()).await.unwrap().unwrap();
    let drawn = kept.value.request().number.number().unwrap().expose().to_owned();
    let page = browser.get(&tab).await.text;
    // The drawing and the address are of digits too: what is left when they are taken out has no such number.
    let path = between(&page, "<path d=\"", "\"").unwrap().to_owned();
    let visible = page.replace(&path, "").replace(&said, "").replace(tab.as_str(), "");
    let token = crate::support::csrf(&page);
    let visible = visible.replace(&token, "");
    assert!(!page.contains("id=\"number\""));
    assert!(!visible.contains(&format!(">{drawn}<")), "{visible}");
    phone.claim(&said).await.unwrap();
    assert_eq!(number(&browser.get(&tab).await.text), drawn);
}

#[tokio::test]
async fn the_page_of_a_code_is_woken_by_the_claim_and_then_waits_for_the_number() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let said = code(&mut browser, &tab).await;
    let page = browser.get(&tab).await;
    page.assert_page(200, &format!("data-status=\"{tab}/status?shown=qr\""));
    let (mut waiting, path) = (browser.clone(), format!("{tab}/status?shown=qr"));
    let (status, ()) = tokio::join!(waiting.get(&path), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        phone.claim(&said).await.unwrap();
    });
    assert_eq!((status.status, status.text.as_str()), (200, "{\"status\":\"done\"}"));
    assert_eq!(browser.get(&path).await.text, "{\"status\":\"done\"}", "a page that comes late hears it too");
    let shown = number(&browser.get(&tab).await.text);
    let (mut waiting, path) = (browser.clone(), format!("{tab}/status"));
    let (status, ()) = tokio::join!(waiting.get(&path), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        phone.approve(None, Some(&shown)).await.unwrap();
    });
    assert_eq!(status.text, "{\"status\":\"done\"}");
    browser.finish(&tab).await.code();
}

#[tokio::test]
async fn one_phone_claims_and_it_alone_decides() {
    let harness = Harness::new().await;
    let mut first = harness.attested_phone("first", CAMILLE).await;
    let mut second = harness.attested_phone("second", CAMILLE).await;
    let mut stranger = harness.attested_phone("hugo", HUGO).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let said = code(&mut browser, &tab).await;
    let claimed = first.claim(&said).await.unwrap();
    assert_eq!(first.claim(&said).await.unwrap(), claimed, "again, the same");
    for phone in [&mut second, &mut stranger] {
        let (answer, rows) = harness.audited_during(phone.claim(&said)).await;
        assert_eq!(refused(&answer.unwrap_err()), (409, "approval_claimed"));
        assert_eq!(rows, ["approval.refused claimed_by_another"]);
        assert!(phone.pending().await.unwrap().is_empty());
    }
    // By hand: the person's other phone neither begins, decides nor refuses it.
    let shown = number(&browser.get(&tab).await.text);
    for (phone, name) in [("second", CAMILLE), ("hugo", HUGO)] {
        let caller = Caller::with_key_of(&harness, &harness.path(phone));
        for (call, body) in [
            ("challenge", serde_json::json!({})),
            ("decision", serde_json::json!({ "decision": "deny" })),
            ("decision", serde_json::json!({ "decision": "approve", "number": shown, "assertion": {} })),
        ] {
            let path = format!("/mobile/v1/approvals/{}/{call}", claimed.id);
            let reply = caller.post(&path, body).await;
            assert_eq!(reply.status, 404, "{name} {call}: {}", reply.body);
        }
    }
    first.approve(None, Some(&shown)).await.unwrap();
    browser.finish(&tab).await.code();
}

#[tokio::test]
async fn a_code_before_its_claim_is_decided_by_nobody() {
    let harness = Harness::new().await;
    let _phone = harness.attested_phone("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let said = code(&mut browser, &tab).await;
    let caller = Caller::with_key_of(&harness, &harness.path("camille"));
    for (call, body) in
        [("challenge", serde_json::json!({})), ("decision", serde_json::json!({ "decision": "deny" }))]
    {
        let path = format!("/mobile/v1/approvals/{}/{call}", id_of(&said));
        assert_eq!(caller.post(&path, body).await.status, 404, "{call}");
    }
    // The address itself does nothing, whoever opens it.
    harness
        .page_browser()
        .get(said.strip_prefix(ISSUER).unwrap())
        .await
        .assert_page(200, "Ouvrez l’application sceau");
    assert_eq!(address(&browser.get(&tab).await.text), said);
}

#[tokio::test]
async fn a_refusal_of_the_claiming_phone_is_told_to_the_client() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let said = code(&mut browser, &tab).await;
    phone.claim(&said).await.unwrap();
    phone.deny(None, true).await.unwrap();
    assert_eq!(browser.finish(&tab).await.error(), "access_denied");
    assert_eq!(harness.audited("approval.reported denied").await, 1);
    let error = phone.claim(&said).await.unwrap_err();
    assert_eq!(refused(&error), (404, "approval_not_found"), "it is over");
}

#[tokio::test]
async fn an_expired_or_unknown_code_and_a_phone_without_rights_claim_nothing() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut lost = harness.enrolled("lost", CAMILLE).await;
    let mut locked = harness.enrolled("hugo", HUGO).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let said = code(&mut browser, &tab).await;
    harness.revoke(CutoffScope::Person(harness.person(HUGO).await)).await;
    harness.revoke(CutoffScope::Device(lost.device_id().unwrap().parse().unwrap())).await;
    for phone in [&mut lost, &mut locked] {
        assert_eq!(refused(&phone.claim(&said).await.unwrap_err()), (401, "invalid_device"));
    }
    assert_eq!(address(&browser.get(&tab).await.text), said, "still nobody's");
    let unknown = format!("{ISSUER}/q/0197c9a2-0000-7000-8000-000000000000");
    for bad in [unknown.as_str(), "nothing", "00"] {
        assert_eq!(refused(&phone.claim(bad).await.unwrap_err()), (404, "approval_not_found"), "{bad}");
    }
    let elsewhere = said.replace("sceau.example", "sceau.example.evil.example");
    assert!(matches!(phone.claim(&elsewhere).await, Err(PhoneError::OtherServer)));
    harness.clock.advance(Duration::from_secs(90));
    assert_eq!(refused(&phone.claim(&said).await.unwrap_err()), (404, "approval_not_found"));
    browser.get(&tab).await.assert_page(200, "Le délai est passé");
}

#[tokio::test]
async fn claims_of_a_phone_and_codes_of_a_source_are_limited() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    for _ in 0..10 {
        phone.claim("0197c9a2-0000-7000-8000-000000000000").await.unwrap_err();
    }
    let (error, rows) = harness.audited_during(phone.claim("0197c9a2-0000-7000-8000-000000000000")).await;
    assert_eq!(refused(&error.unwrap_err()), (429, "too_many_requests"));
    assert_eq!(rows, ["approval.refused too_many_claims"]);
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    for _ in 0..60 {
        code(&mut browser, &tab).await;
    }
    let page = browser.submit(&tab, "qr", &[]).await;
    assert_eq!(page.status, 200, "no new code: the page stays");
}

#[tokio::test]
async fn another_browser_and_a_form_without_its_value_open_no_code() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let good = crate::support::csrf(&browser.get(&tab).await.text);
    let path = format!("{tab}/qr");
    let mut other = harness.page_browser();
    other.post(&path, &[("csrf", &good)]).await.assert_page(400, "autre navigateur");
    browser.post(&path, &[("csrf", "wrong")]).await.assert_page(400, "autre navigateur");
    browser.post(&path, &[]).await.assert_page(400, "autre navigateur");
    assert_eq!(harness.audited("approval.opened qr").await, 0);
    // A code asked for after an identifier takes its place, and the other way round.
    browser.identify(&tab, CAMILLE).await;
    code(&mut browser, &tab).await;
    browser.identify(&tab, CAMILLE).await;
}
