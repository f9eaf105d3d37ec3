//! Assurance levels: the minimum of the terms, and what clients ask.

use sceau::base::{OsEntropy, PersonId, UnixTime};
use sceau::identity::{
    AMR_PHONE, Acr, AcrRequest, AssurancePolicy, AssuranceTerms, AuthMode, AuthenticationProof, Way,
    parse_acr_values,
};

const OPEN: AssurancePolicy = AssurancePolicy { ceiling: Acr::Eidas3 };

fn high() -> AssuranceTerms {
    AssuranceTerms {
        enrolment: Acr::Eidas3,
        enrolment_reason: String::from("card"),
        authenticator: Acr::Eidas3,
        authenticator_reason: String::from("attested_hardware"),
        way: Way::Federation,
    }
}

#[test]
fn levels_are_ordered() {
    assert!(Acr::Eidas1 < Acr::Eidas2 && Acr::Eidas2 < Acr::Eidas3);
    for acr in [Acr::Eidas1, Acr::Eidas2, Acr::Eidas3] {
        assert_eq!(acr.as_str().parse(), Ok(acr));
        assert_eq!(serde_json::to_value(acr).unwrap(), acr.as_str());
    }
    for unknown in ["eidas0", "EIDAS1", "eidas", "", "eidas1 "] {
        assert!(unknown.parse::<Acr>().is_err(), "{unknown:?}");
    }
}

#[test]
fn acr_is_the_lowest_term() {
    assert_eq!(high().acr(&OPEN), Some(Acr::Eidas3));
    assert_eq!(AssuranceTerms { enrolment: Acr::Eidas1, ..high() }.acr(&OPEN), Some(Acr::Eidas1));
    assert_eq!(AssuranceTerms { authenticator: Acr::Eidas2, ..high() }.acr(&OPEN), Some(Acr::Eidas2));
    assert_eq!(high().acr(&AssurancePolicy { ceiling: Acr::Eidas1 }), Some(Acr::Eidas1));
    for way in [Way::TypedNumber, Way::Qr, Way::SamePhoneLink] {
        assert_eq!(AssuranceTerms { way, ..high() }.acr(&OPEN), Some(Acr::Eidas2), "{way:?}");
    }
}

#[test]
fn a_term_without_reason_proves_nothing() {
    assert_eq!(AssuranceTerms { enrolment_reason: String::new(), ..high() }.acr(&OPEN), None);
    assert_eq!(AssuranceTerms { authenticator_reason: String::new(), ..high() }.acr(&OPEN), None);
}

#[test]
fn only_the_same_phone_link_resists_phishing() {
    assert!(Way::SamePhoneLink.phishing_resistant());
    for way in [Way::TypedNumber, Way::Qr, Way::Federation] {
        assert!(!way.phishing_resistant(), "{way:?}");
    }
}

#[test]
fn acr_values_unknown_ignored_lowest_known_is_the_floor() {
    let cases = [
        ("", None),
        ("eidas1", Some(Acr::Eidas1)),
        ("eidas3 eidas2", Some(Acr::Eidas2)),
        ("urn:other eidas2", Some(Acr::Eidas2)),
        ("  eidas3  ", Some(Acr::Eidas3)),
        ("eidas0 loa3", None),
        ("eidas1\teidas2", None),
    ];
    for (text, floor) in cases {
        assert_eq!(parse_acr_values(text), AcrRequest { floor, too_many: false }, "{text:?}");
    }
}

#[test]
fn acr_values_more_than_32_are_too_many() {
    let of_32 = format!("{} eidas2", vec!["x"; 31].join(" "));
    assert_eq!(parse_acr_values(&of_32), AcrRequest { floor: Some(Acr::Eidas2), too_many: false });
    let of_33 = format!("{of_32} eidas1");
    assert_eq!(parse_acr_values(&of_33), AcrRequest { floor: Some(Acr::Eidas2), too_many: true });
}

#[test]
fn a_proof_survives_storage() {
    let proof = AuthenticationProof {
        person: PersonId::random(&OsEntropy),
        device: None,
        auth_time: UnixTime::from_secs(1_800_000_000),
        amr: AMR_PHONE.map(String::from).to_vec(),
        terms: high(),
        auth_mode: AuthMode::Mobile,
    };
    let stored = serde_json::to_value(&proof).unwrap();
    assert_eq!(stored["auth_mode"], AuthMode::Mobile.as_str());
    assert_eq!(stored["terms"]["way"], "federation");
    assert_eq!(stored["amr"], serde_json::json!(["hwk", "pop", "user", "mfa"]));
    assert_eq!(serde_json::from_value::<AuthenticationProof>(stored).unwrap(), proof);
}
