//! Twin of `src/oidc/core_subject.rs`.

use sceau::base::from_base64url;
use sceau::oidc::pairwise_subject;

const KEY: [u8; 32] = [1; 32];
const SEED: [u8; 32] = [2; 32];

#[test]
fn s8_1_subject_never_changes() {
    // The value itself is the contract with every relying party; computed apart, with Python's hmac.
    assert_eq!(
        pairwise_subject(&KEY, "service.example", &SEED),
        "jPJK18U-hCpWh9bu4g6VibeSBhtymsBuzOPt-jxIcNk"
    );
}

#[test]
fn s8_1_subject_is_32_opaque_bytes() {
    let subject = pairwise_subject(&KEY, "service.example", &SEED);
    assert_eq!(from_base64url(&subject).unwrap().len(), 32);
}

#[test]
fn s8_1_each_part_matters() {
    let subjects = [
        pairwise_subject(&KEY, "service.example", &SEED),
        pairwise_subject(&[3; 32], "service.example", &SEED),
        pairwise_subject(&KEY, "other.example", &SEED),
        pairwise_subject(&KEY, "service.example", &[3; 32]),
        pairwise_subject(&KEY, "", &SEED),
        pairwise_subject(&KEY, "service.example\u{2}", &SEED),
    ];
    for (rank, subject) in subjects.iter().enumerate() {
        assert!(!subjects[..rank].contains(subject), "{rank}");
    }
}
