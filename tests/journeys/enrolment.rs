//! A professional enrols a phone.

use sceau::phone::Attestation;

use crate::support::{CAMILLE, Harness, START};

#[tokio::test]
async fn two_codes_and_self_attestation_enrol_a_phone_at_eidas1() {
    let harness = Harness::new().await;
    let mut phone = harness.phone("camille");
    phone.set_name("Téléphone de Camille").unwrap();
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    assert_ne!(email, by_phone);
    let device = phone.enrol(CAMILLE, &email, &by_phone, &Attestation::SelfSigned).await.unwrap();
    assert_eq!(device.name, "Téléphone de Camille");
    assert_eq!((device.acr.as_str(), device.status.as_str(), device.current), ("eidas1", "active", true));
    assert_eq!(device.activation_mode, "contact_codes");
    assert_eq!(device.created_at, START.secs());
    assert_eq!(device.valid_until, START.secs() + 3 * 365 * 86_400);
    assert_eq!(device.serial.len(), 12);
    assert_eq!(phone.device_id(), Some(device.id.as_str()));
    assert_eq!(harness.audited("device.enrolled contact_codes").await, 1);
}

#[tokio::test]
async fn an_attested_phone_reaches_eidas2() {
    let harness = Harness::new().await;
    let mut phone = harness.phone("camille");
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    let device = phone.enrol(CAMILLE, &email, &by_phone, &harness.attested()).await.unwrap();
    assert_eq!(device.acr, "eidas2");
}

#[tokio::test]
async fn an_attested_phone_reaches_no_more_than_the_operator_grants() {
    let harness = Harness::with(|policy| policy.assurance.ceiling = sceau::identity::Acr::Eidas1).await;
    let mut phone = harness.phone("camille");
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    let device = phone.enrol(CAMILLE, &email, &by_phone, &harness.attested()).await.unwrap();
    assert_eq!(device.acr, "eidas1");
}

#[tokio::test]
async fn the_credential_is_asked_for_a_random_user_handle_and_known_credentials_are_excluded() {
    let harness = Harness::new().await;
    let _first = harness.enrolled("first", CAMILLE).await;
    let caller = crate::support::Caller::stranger(&harness);
    let start = crate::journeys::enrolment_refused::start(&harness, &caller).await;
    assert_eq!(start.status, 201);
    let options = &start.body["options"];
    assert_eq!(options["rp"]["id"], "sceau.example");
    assert_eq!(options["user"]["name"], "sceau");
    assert!(!start.body.to_string().contains(CAMILLE));
    assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(options["pubKeyCredParams"].as_array().unwrap()[0]["alg"], -7);
}
