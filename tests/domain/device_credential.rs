//! `WebAuthn L3` 7.2: one good assertion, and one field changed at a time.

use std::time::Duration;

use sceau::base::{DeviceId, PersonId, SeededEntropy, UnixTime};
use sceau::device::{
    ActivationMode, Device, DeviceFacts, DeviceRefusal, DeviceStatus, VerifiedAssertion, judge,
};
use sceau::identity::{AMR_PHONE, Acr, AuthMode, Way};
use sceau::jose::Thumbprint;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

#[test]
fn a_good_assertion_proves_person_device_time_and_terms() {
    let judged = judge(&assertion(), &device(), Way::Qr, NOW).unwrap();
    assert_eq!(judged.sign_count, 8);
    let proof = judged.proof;
    assert_eq!((proof.person, proof.device), (device().person, Some(device().id)));
    assert_eq!((proof.auth_time, proof.auth_mode), (NOW, AuthMode::Mobile));
    assert_eq!(proof.amr, AMR_PHONE);
    assert_eq!(
        (proof.terms.enrolment, proof.terms.enrolment_reason.as_str()),
        (Acr::Eidas2, "contact_codes")
    );
    assert_eq!(
        (proof.terms.authenticator, proof.terms.authenticator_reason.as_str()),
        (Acr::Eidas1, "self_attestation")
    );
    assert_eq!(proof.terms.way, Way::Qr);
}

#[test]
fn one_wrong_fact_refuses() {
    type Change = fn(&mut VerifiedAssertion, &mut Device);
    let table: [(&str, Change); 14] = [
        ("other_credential", |assertion, _| assertion.credential_id = vec![9; 16]),
        ("other_credential", |assertion, _| assertion.credential_id.truncate(15)),
        ("other_credential", |assertion, _| assertion.credential_id.clear()),
        ("device_revoked", |_, device| device.status = DeviceStatus::Revoked),
        ("device_expired", |_, device| device.valid_until = NOW),
        ("cross_origin", |assertion, _| assertion.cross_origin = true),
        ("user_not_present", |assertion, _| assertion.user_present = false),
        ("user_not_verified", |assertion, _| assertion.user_verified = false),
        ("not_device_bound", |assertion, _| assertion.backup_eligible = true),
        ("not_device_bound", |assertion, _| assertion.backup_state = true),
        ("counter_stalled", |assertion, _| assertion.sign_count = 7),
        ("counter_stalled", |assertion, _| assertion.sign_count = 6),
        ("counter_stalled", |assertion, _| assertion.sign_count = 0),
        ("counter_stalled", |_, device| device.sign_count = u32::MAX),
    ];
    for (index, (reason, change)) in table.into_iter().enumerate() {
        let (mut assertion, mut device) = (assertion(), device());
        change(&mut assertion, &mut device);
        let refused = judge(&assertion, &device, Way::TypedNumber, NOW).map_err(DeviceRefusal::as_str);
        assert_eq!(refused.unwrap_err(), reason, "row {index}");
    }
}

#[test]
fn a_phone_without_counter_stays_at_zero_and_may_begin_to_count() {
    let never = Device { sign_count: 0, ..device() };
    let zero = VerifiedAssertion { sign_count: 0, ..assertion() };
    assert_eq!(judge(&zero, &never, Way::TypedNumber, NOW).unwrap().sign_count, 0);
    assert_eq!(judge(&assertion(), &never, Way::TypedNumber, NOW).unwrap().sign_count, 8);
}

/// After a first link by traits alone, nobody makes an account strong before the person could see the notice.
#[test]
fn while_a_link_is_fresh_a_phone_counts_least() {
    let later = NOW.plus(Duration::from_millis(1));
    let terms = |until| {
        let proof = judge(&assertion(), &device(), Way::Qr, NOW).unwrap().in_cooling(until, NOW).proof;
        (proof.terms.enrolment, proof.terms.enrolment_reason)
    };
    assert_eq!(terms(Some(later)), (Acr::Eidas1, String::from("cooling")));
    for over in [None, Some(NOW)] {
        assert_eq!(terms(over), (Acr::Eidas2, String::from("contact_codes")));
    }
}

#[test]
fn a_device_is_stored_whole_and_printed_without_what_is_personal() {
    let stored = serde_json::to_string(&device()).unwrap();
    assert_eq!(serde_json::from_str::<Device>(&stored).unwrap(), device());
    let printed = format!("{:?} {:?}", device(), device().facts);
    for hidden in ["Marie", "opaque", "SER-1"] {
        assert!(!printed.contains(hidden), "{hidden}");
    }
}

fn assertion() -> VerifiedAssertion {
    VerifiedAssertion {
        credential_id: vec![1; 16],
        user_verified: true,
        user_present: true,
        backup_eligible: false,
        backup_state: false,
        sign_count: 8,
        cross_origin: false,
        authenticator_data: vec![0; 37],
        client_data_json: b"{}".to_vec(),
        signature: vec![0; 70],
    }
}

fn device() -> Device {
    Device {
        id: DeviceId::random(&SeededEntropy::new(1)),
        person: PersonId::random(&SeededEntropy::new(2)),
        credential_id: vec![1; 16],
        credential: String::from("opaque"),
        credential_key: vec![4; 65],
        jkt: Thumbprint::from_bytes([5; 32]),
        sign_count: 7,
        facts: DeviceFacts {
            name: String::from("Téléphone de Marie"),
            model: String::from("Model"),
            operating_system: String::from("System 1"),
            app_version: String::from("1.0"),
        },
        created: NOW,
        valid_until: UnixTime::from_millis(NOW.millis() + 1),
        activation_mode: ActivationMode::ContactCodes,
        enrolment: Acr::Eidas2,
        enrolment_reason: String::from("contact_codes"),
        evidence: Acr::Eidas1,
        evidence_reason: String::from("self_attestation"),
        serial: String::from("SER-1"),
        status: DeviceStatus::Active,
    }
}
