//! What the phone signs: vectors computed by another implementation (Python `hashlib` and `json`).

use sceau::approval::{ApprovalText, challenge, enrolment_challenge};
use sceau::base::sha256;
use sceau::jose::Thumbprint;

#[test]
fn the_challenge_of_an_approval_is_the_fixed_vector() {
    let bound = challenge(&text(), &counting()).unwrap();
    assert_eq!(hex(&bound), "6708dde910417ca5e5f7de0e0cbd328d5880eeced8078464eb4e7e4913ed6736");
}

#[test]
fn the_challenge_of_an_enrolment_is_the_fixed_vector() {
    let thumbprint: Vec<u8> = (224..=255).rev().collect();
    let bound = enrolment_challenge(&counting(), &Thumbprint::from_bytes(thumbprint.try_into().unwrap()));
    assert_eq!(hex(&bound), "cbd3aabe6d5a9125f0e086ced756cff43bcf46c307d73ec8c6bc5382c5640689");
}

#[test]
fn the_canonical_text_is_sorted_and_compact() {
    let canonical = String::from_utf8(text().canonical().unwrap()).unwrap();
    assert_eq!(
        canonical,
        r#"{"approval":"7f3c1f5e-0c5e-4b1a-9a53-0f2f4f6c8e10","at":"2026-11-21T23:12:34Z","details":["line 1","€\t2"],"origin":"Firefox, Lyon \"3ᵉ\"","purpose":"Sign in","service":"Dossier été"}"#
    );
}

#[test]
fn a_change_anywhere_gives_another_challenge() {
    let changes: [fn(&mut ApprovalText); 7] = [
        |text| text.service.push('.'),
        |text| text.purpose.push('.'),
        |text| text.origin.push('.'),
        |text| text.at.push('.'),
        |text| text.details = vec![String::from("line 1€\t2")],
        |text| text.details.reverse(),
        |text| text.approval = "7f3c1f5e-0c5e-4b1a-9a53-0f2f4f6c8e11".parse().unwrap(),
    ];
    let original = challenge(&text(), &counting()).unwrap();
    for (index, change) in changes.into_iter().enumerate() {
        let mut other = text();
        change(&mut other);
        assert_ne!(challenge(&other, &counting()).unwrap(), original, "change {index}");
    }
    assert_ne!(challenge(&text(), &sha256(&[b"other"])).unwrap(), original);
}

#[test]
fn the_text_is_strings_and_one_array_of_strings() {
    let json = text().to_json();
    for (name, value) in json.as_object().unwrap() {
        let plain = value.is_string()
            || name == "details" && value.as_array().unwrap().iter().all(serde_json::Value::is_string);
        assert!(plain, "{name}");
    }
    assert_eq!(serde_json::from_value::<ApprovalText>(json).unwrap(), text());
}

#[test]
fn the_text_is_not_printed() {
    assert!(!format!("{:?}", text()).contains("Lyon"));
}

fn text() -> ApprovalText {
    ApprovalText {
        service: String::from("Dossier été"),
        purpose: String::from("Sign in"),
        origin: String::from("Firefox, Lyon \"3ᵉ\""),
        at: String::from("2026-11-21T23:12:34Z"),
        details: vec![String::from("line 1"), String::from("€\t2")],
        approval: "7f3c1f5e-0c5e-4b1a-9a53-0f2f4f6c8e10".parse().unwrap(),
    }
}

fn counting() -> [u8; 32] {
    std::array::from_fn(|index| u8::try_from(index).unwrap())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}
