//! "FranceConnect (simulé)" in the demonstration: a patient comes by it, enrols a phone, comes by the phone, signs out.

use std::sync::Arc;

use sceau::demo::Showcase;
use sceau::phone::{Attestation, HttpTransport, Phone, Surroundings};
use serde_json::Value;

use super::visited;
use super::visitor::{Page, Visitor};

/// From the service to the page of the provider above.
async fn leave(visitor: &Visitor, showcase: &Showcase) -> Page {
    let page = visitor.open(&format!("{}/patient/login", showcase.addresses.service)).await;
    assert!(page.text.contains("S’identifier avec FranceConnect (simulé)"), "{}", page.text);
    let choice = visitor.submit(&page, "/federate", &[("provider", "franceconnect")]).await;
    assert_eq!(choice.address().origin().ascii_serialization(), showcase.addresses.franceconnect);
    choice
}

/// The person called `reference` comes to the service, and consents if asked.
async fn come(visitor: &Visitor, showcase: &Showcase, reference: &str) -> Page {
    let choice = leave(visitor, showcase).await;
    let page = visitor.submit(&choice, "/interaction/", &[("identity", reference)]).await;
    let answer = page.way.iter().find(|url| url.path() == "/federation/franceconnect/callback").unwrap();
    // RFC 9207 2
    let issuer = format!("{}/api/v2", showcase.addresses.franceconnect);
    assert!(answer.query_pairs().any(|(name, value)| name == "iss" && value == issuer), "{answer}");
    if page.text.contains("name=\"decision\"") {
        return visitor.submit(&page, "/consent", &[("decision", "allow")]).await;
    }
    page
}

fn told(page: &Page, id: &str) -> Value {
    let text = page.between(&format!("<pre id=\"{id}\" tabindex=\"0\">"), "</pre>").unwrap();
    serde_json::from_str(&text.replace("&#34;", "\"")).unwrap()
}

fn new_phone(showcase: &Showcase, folder: &tempfile::TempDir) -> Phone {
    let server = showcase.addresses.issuer.parse().unwrap();
    let transport = HttpTransport::new(&server).unwrap();
    let path = folder.path().join("phone.json");
    Phone::create(&path, &server, Surroundings::over(Arc::new(transport))).unwrap()
}

#[tokio::test]
async fn the_page_says_what_it_is_and_offers_the_grown_up_patients() {
    visited(None, async |showcase| {
        let choice = leave(&Visitor::new(), &showcase).await;
        assert_eq!(choice.status, 200);
        for said in ["FranceConnect (simulé)", "données inventées", "Solène Marie Garnier", "eidas2"] {
            assert!(choice.text.contains(said), "{said}: {}", choice.text);
        }
        let offered = choice.text.matches("name=\"identity\" value=\"demo-").count();
        assert_eq!((offered, choice.text.contains("demo-4")), (3, false), "children have no account there");
    })
    .await;
}

#[tokio::test]
async fn a_patient_comes_by_franceconnect_then_by_the_phone_enrolled_thus() {
    visited(None, async |showcase| {
        let visitor = Visitor::new();
        let choice = leave(&visitor, &showcase).await;
        let consent = visitor.submit(&choice, "/interaction/", &[("identity", "demo-1")]).await;
        for said in ["Espace patient", "Votre date de naissance", "Votre matricule INS"] {
            assert!(consent.text.contains(said), "{said}: {}", consent.text);
        }
        let page = visitor.submit(&consent, "/consent", &[("decision", "allow")]).await;
        assert_eq!(page.address().as_str(), format!("{}/", showcase.addresses.service));
        assert_eq!((page.at("name"), page.at("acr")), ("Solène Marie Garnier", "eidas2"));
        assert_eq!(page.at("birth"), "1987-11-08 · 35238 · 99100");
        let (id_token, userinfo) = (told(&page, "id-token"), told(&page, "userinfo"));
        assert_eq!(id_token["amr"], serde_json::json!(["fc", "pop", "mfa", "pin"]));
        assert_eq!(id_token["aud"], serde_json::json!(["espace-patient"]));
        assert_eq!((&userinfo["family_name"], &userinfo["gender"]), (&"Garnier".into(), &"female".into()));
        assert_eq!(userinfo["ins"]["status"], "qualified");
        let subject = page.at("sub").to_owned();

        // The account of the same browser gives a ticket.
        let address = format!("{}/account/phones/new", showcase.addresses.issuer);
        let ticket = visitor.open(&address).await.at("ticket").to_owned();
        let folder = tempfile::tempdir().unwrap();
        let mut phone = new_phone(&showcase, &folder);
        let device = phone.enrol_with_ticket(&ticket, &Attestation::SelfSigned).await.unwrap();
        assert_eq!((device.activation_mode.as_str(), device.acr.as_str()), ("federation", "eidas1"));

        // Another browser, the phone alone.
        let other = Visitor::new();
        let page = other.open(&format!("{}/patient/login", showcase.addresses.service)).await;
        let shown = other.submit(&page, "/qr", &[]).await;
        let approval = phone.claim(shown.at("qr-text")).await.unwrap();
        let page = other.open(shown.address().as_str()).await;
        phone.approve(Some(&approval.id), Some(page.at("number"))).await.unwrap();
        let page = other.open(page.address().as_str()).await;
        assert_eq!((page.at("name"), page.at("acr")), ("Solène Marie Garnier", "eidas1"));
        assert_eq!(page.at("sub"), subject, "the consent was remembered, and the person is the same");
    })
    .await;
}

#[tokio::test]
async fn the_next_time_the_person_is_known_and_another_one_is_another() {
    visited(None, async |showcase| {
        let subject = async |reference| {
            let visitor = Visitor::new();
            let page = come(&visitor, &showcase, reference).await;
            page.at("sub").to_owned()
        };
        let first = subject("demo-3").await;
        assert_eq!(first, subject("demo-3").await);
        assert_ne!(first, subject("demo-2").await);
    })
    .await;
}

#[tokio::test]
async fn signing_out_of_the_service_ends_the_session_here_and_passes_there() {
    visited(None, async |showcase| {
        let visitor = Visitor::new();
        come(&visitor, &showcase, "demo-1").await;
        let account = format!("{}/account", showcase.addresses.issuer);
        assert!(visitor.open(&account).await.text.contains("id=\"phones\""));
        let service = &showcase.addresses.service;
        let out = visitor.post(&format!("{service}/logout").parse().unwrap(), &[]).await;
        let way: Vec<&str> = out.way.iter().map(url::Url::path).collect();
        let expected =
            ["/end_session", "/api/v2/session/end", "/federation/franceconnect/logged_out", "/", "/"];
        assert_eq!(way, expected, "{:?}", out.way);
        assert_eq!(out.address().as_str(), format!("{service}/"));
        assert!(out.text.contains("id=\"patient-login\""), "{}", out.text);
        assert!(visitor.open(&account).await.text.contains("name=\"identifier\""), "signed out here too");
    })
    .await;
}

#[tokio::test]
async fn who_cancels_there_may_try_again() {
    visited(None, async |showcase| {
        let visitor = Visitor::new();
        let choice = leave(&visitor, &showcase).await;
        let page = visitor.submit(&choice, "/interaction/", &[("decision", "cancel")]).await;
        assert!(page.status >= 400 && page.text.contains("FranceConnect (simulé)"), "{}", page.text);
        let back = page.between("href=\"/interaction/", "\"").expect("a way back");
        let again = visitor.open(&format!("{}/interaction/{back}", showcase.addresses.issuer)).await;
        assert!(again.text.contains("name=\"identifier\""), "{}", again.text);
        // A page serves once.
        let late = visitor.submit(&choice, "/interaction/", &[("identity", "demo-1")]).await;
        assert_eq!((late.status, late.at("error-code")), (400, "Y190001"));
    })
    .await;
}
