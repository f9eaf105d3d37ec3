//! Enrolment with a ticket: drawn by a person who is signed in, sent once by the new phone.

use std::time::Duration;

use sceau::base::{EntropyExt as _, Sid, TokenHash};
use sceau::identity::{Acr, AssuranceTerms, AuthMode, AuthenticationProof, Way};
use sceau::phone::{Attestation, PhoneError};
use sceau::ports::{CutoffScope, Session};
use serde_json::json;

use super::account::{NEW_PHONE, visit};
use crate::support::{CAMILLE, Caller, Harness, PageBrowser, SESSION, between};

/// A browser in which `person` came by another identity provider, at `acr`.
async fn federated(harness: &Harness, person: &str, acr: Acr) -> PageBrowser {
    let (now, person) = (harness.provider.now(), harness.person(person).await);
    let entropy = &*harness.provider.ports.entropy;
    let cookie = entropy.token();
    let terms = AssuranceTerms {
        enrolment: acr,
        enrolment_reason: String::from("upstream"),
        authenticator: acr,
        authenticator_reason: String::from("upstream"),
        way: Way::Federation,
    };
    let proof = AuthenticationProof {
        person,
        device: None,
        auth_time: now,
        amr: vec![String::from("mfa")],
        terms,
        auth_mode: AuthMode::Mobile,
    };
    let end = now.plus(Duration::from_hours(4));
    let (sid, begun_for) = (Sid::random(entropy), None);
    let session = Session {
        sid,
        person,
        proof,
        upstream: None,
        begun_for,
        created: now,
        absolute_end: end,
        idle_end: end,
    };
    harness.provider.ports.sessions.insert(&TokenHash::of(cookie.expose()), &session).await.unwrap();
    let mut browser = harness.page_browser();
    browser.cookies.insert(SESSION.to_owned(), cookie.expose().to_owned());
    browser
}

async fn ticket(browser: &mut PageBrowser) -> String {
    let page = browser.get(NEW_PHONE).await;
    let found = between(&page.text, "<code id=\"ticket\">", "</code>");
    found.unwrap_or_else(|| panic!("no ticket: {}", page.text)).to_owned()
}

fn refused(error: &PhoneError) -> (u16, &str) {
    let PhoneError::Refused(refusal) = error else { panic!("{error:?}") };
    (refusal.status, &refusal.error)
}

#[tokio::test]
async fn a_federated_person_enrols_a_phone_at_the_level_of_their_sign_in() {
    let harness = Harness::new().await;
    let mut browser = federated(&harness, CAMILLE, Acr::Eidas2).await;
    let page = browser.get(NEW_PHONE).await;
    page.assert_page(200, "Ajouter un téléphone");
    let refresh = between(&page.text, "content=\"60;url=", "\"").unwrap().to_owned();
    let ticket = ticket(&mut browser).await;
    assert_eq!(ticket.len(), 43, "256 bits");
    let mut phone = harness.phone("camille");
    let address = format!("https://sceau.example/e#{ticket}");
    let (device, rows) = harness.audited_during(phone.enrol_with_ticket(&address, &harness.attested())).await;
    let device = device.unwrap();
    assert_eq!((device.activation_mode.as_str(), device.acr.as_str()), ("federation", "eidas2"));
    assert_eq!(rows[..2], ["enrolment.started federation", "device.enrolled federation"]);
    assert!(rows[2].starts_with("device.announced"), "{rows:?}");
    browser.get(&refresh).await.assert_page(200, "est activé");
    phone.pending().await.unwrap();
    assert_eq!(harness.audited("enrolment.codes ticket").await, 2);
}

#[tokio::test]
async fn the_phone_itself_may_still_be_worth_less() {
    let harness = Harness::new().await;
    let mut browser = federated(&harness, CAMILLE, Acr::Eidas2).await;
    let ticket = ticket(&mut browser).await;
    let device = harness.phone("self").enrol_with_ticket(&ticket, &Attestation::SelfSigned).await.unwrap();
    assert_eq!(device.acr, "eidas1");
}

#[tokio::test]
async fn a_low_sign_in_draws_no_ticket() {
    let harness = Harness::new().await;
    let mut browser = federated(&harness, CAMILLE, Acr::Eidas1).await;
    browser.get(NEW_PHONE).await.assert_page(200, "n’est pas assez sûre");
    let mut browser = federated(&harness, CAMILLE, Acr::Eidas2).await;
    ticket(&mut browser).await;
    harness.clock.advance(Duration::from_mins(20));
    browser.get(NEW_PHONE).await.assert_page(200, "connectez-vous de nouveau");
}

#[tokio::test]
async fn a_first_phone_vouches_for_a_second_one() {
    let harness = Harness::new().await;
    let mut first = harness.attested_phone("first", CAMILLE).await;
    let mut browser = harness.page_browser();
    visit(&mut browser, NEW_PHONE, &mut first, CAMILLE).await;
    let ticket = ticket(&mut browser).await;
    let device = harness.phone("second").enrol_with_ticket(&ticket, &harness.attested()).await.unwrap();
    assert_eq!((device.activation_mode.as_str(), device.acr.as_str()), ("device", "eidas2"));
    // As many phones as allowed, by whatever proof.
    let third = self::ticket(&mut browser).await;
    let error = harness.phone("third").enrol_with_ticket(&third, &harness.attested()).await.unwrap_err();
    assert_eq!(refused(&error), (409, "too_many_devices"));
}

#[tokio::test]
async fn a_ticket_works_once_in_time_and_while_its_sign_in_stands() {
    let harness = Harness::with(|policy| policy.devices_per_person = 9).await;
    let mut browser = federated(&harness, CAMILLE, Acr::Eidas2).await;
    let used = ticket(&mut browser).await;
    harness.phone("first").enrol_with_ticket(&used, &harness.attested()).await.unwrap();
    let mut phone = harness.phone("again");
    for bad in [used.as_str(), "", "unknown", &"A".repeat(43)] {
        let (answer, rows) = harness.audited_during(phone.enrol_with_ticket(bad, &harness.attested())).await;
        assert_eq!(refused(&answer.unwrap_err()), (400, "invalid_ticket"), "{bad}");
        assert_eq!(rows, ["enrolment.started ticket_unknown"]);
    }
    let late = ticket(&mut browser).await;
    harness.clock.advance(Duration::from_secs(90));
    let error = phone.enrol_with_ticket(&late, &harness.attested()).await.unwrap_err();
    assert_eq!(refused(&error), (400, "invalid_ticket"));
    let elsewhere = "https://evil.example/e#ticket";
    assert!(matches!(
        phone.enrol_with_ticket(elsewhere, &harness.attested()).await,
        Err(PhoneError::OtherServer)
    ));

    let cut = ticket(&mut browser).await;
    harness.revoke(CutoffScope::Person(harness.person(CAMILLE).await)).await;
    let (answer, rows) = harness.audited_during(phone.enrol_with_ticket(&cut, &harness.attested())).await;
    assert_eq!(refused(&answer.unwrap_err()), (400, "invalid_ticket"));
    assert_eq!(rows, ["enrolment.started ticket_sign_in_ended"]);
    assert_eq!(browser.get(NEW_PHONE).await.status, 303, "the session has ended too");
}

#[tokio::test]
async fn the_finish_needs_the_key_of_the_start_and_the_start_says_one_thing() {
    let harness = Harness::new().await;
    let mut browser = federated(&harness, CAMILLE, Acr::Eidas2).await;
    let first = Caller::stranger(&harness);
    let good = json!({ "type": "ticket", "ticket": ticket(&mut browser).await });
    for bad in [
        json!({ "national_id": CAMILLE, "proof": good }),
        json!({ "proof": { "type": "contact_codes", "email": "a", "phone": "b" } }),
        json!({ "proof": { "type": "ticket" } }),
        json!({ "proof": { "type": "ticket", "ticket": "a", "person": "b" } }),
        json!({ "national_id": CAMILLE }),
    ] {
        let reply = first.post("/mobile/v1/enrolments", bad.clone()).await;
        assert_eq!((reply.status, reply.body["error"].as_str()), (400, Some("invalid_request")), "{bad}");
    }
    let start = first.post("/mobile/v1/enrolments", json!({ "proof": good })).await;
    assert_eq!(start.status, 201, "what was refused before did not use it up: {}", start.body);
    let path = format!("/mobile/v1/enrolments/{}/credential", start.body["enrolment_id"].as_str().unwrap());
    let device = json!({ "name": "a", "model": "b", "operating_system": "c", "app_version": "d" });
    let body = json!({ "credential": {}, "device": device });
    let reply = Caller::stranger(&harness).post(&path, body).await;
    assert_eq!((reply.status, reply.body["error"].as_str()), (400, Some("invalid_attestation")));
    assert_eq!(harness.audited("device.enrolled enrolment_unknown").await, 1);
}
