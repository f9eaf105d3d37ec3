//! RFC 7636.

use proptest::prelude::*;
use sceau::oauth::{CodeChallenge, ErrorCode, OAuthError, PkceError};

// Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn challenge() -> CodeChallenge {
    CodeChallenge::parse(Some(CHALLENGE), Some("S256")).unwrap().unwrap()
}

#[test]
fn b_the_example_of_the_appendix_verifies() {
    assert_eq!(challenge().verify(VERIFIER), Ok(()));
    assert_eq!(CodeChallenge::of(VERIFIER), Ok(challenge()));
    assert_eq!(challenge().to_string(), CHALLENGE);
}

#[test]
fn s4_3_no_challenge_is_none() {
    assert_eq!(CodeChallenge::parse(None, None), Ok(None));
}

#[test]
fn s4_3_only_s256_is_a_method() {
    let plain = VERIFIER;
    let table = [
        (Some(CHALLENGE), None, PkceError::Method),
        (Some(plain), Some("plain"), PkceError::Method),
        (Some(CHALLENGE), Some("s256"), PkceError::Method),
        (Some(CHALLENGE), Some("S512"), PkceError::Method),
        (None, Some("S256"), PkceError::MethodAlone),
    ];
    for (challenge, method, reason) in table {
        assert_eq!(CodeChallenge::parse(challenge, method), Err(reason), "{challenge:?} {method:?}");
        assert_eq!(OAuthError::from(reason).code, ErrorCode::InvalidRequest);
    }
}

#[test]
fn s4_2_a_malformed_challenge_is_invalid_request() {
    let padded = format!("{CHALLENGE}=");
    let stray_bits = format!("{}N", &CHALLENGE[..42]);
    for text in [&CHALLENGE[..42], &padded, &stray_bits, "", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"] {
        assert_eq!(CodeChallenge::parse(Some(text), Some("S256")), Err(PkceError::Challenge), "{text}");
    }
    assert_eq!(OAuthError::from(PkceError::Challenge).code, ErrorCode::InvalidRequest);
}

#[test]
fn s4_6_wrong_verifier_is_invalid_grant() {
    let wrong = VERIFIER.replace('d', "e");
    assert_eq!(challenge().verify(&wrong), Err(PkceError::Mismatch));
    // The challenge itself is no verifier: that would be `plain`.
    assert_eq!(challenge().verify(CHALLENGE), Err(PkceError::Mismatch));
    assert_eq!(OAuthError::from(PkceError::Mismatch).code, ErrorCode::InvalidGrant);
}

#[test]
fn s4_1_a_verifier_has_43_to_128_unreserved_characters() {
    assert!(CodeChallenge::of(&"a".repeat(43)).is_ok());
    assert!(CodeChallenge::of(&"~".repeat(128)).is_ok());
    let foreign = format!("{}+", "a".repeat(43));
    let letters = "é".repeat(30);
    for verifier in ["", &"a".repeat(42), &"a".repeat(129), &foreign, &letters] {
        assert_eq!(challenge().verify(verifier), Err(PkceError::Verifier), "{verifier}");
    }
    assert_eq!(OAuthError::from(PkceError::Verifier).code, ErrorCode::InvalidGrant);
}

#[test]
fn serialised_as_the_text_of_the_wire() {
    let json = serde_json::to_string(&challenge()).unwrap();
    assert_eq!(json, format!("\"{CHALLENGE}\""));
    assert_eq!(serde_json::from_str::<CodeChallenge>(&json).unwrap(), challenge());
}

proptest! {
    #[test]
    fn a_challenge_is_met_by_its_verifier_only(a in "[A-Za-z0-9._~-]{43,128}", b in "[A-Za-z0-9._~-]{43,128}") {
        let challenge = CodeChallenge::of(&a).unwrap();
        prop_assert_eq!(challenge.verify(&a), Ok(()));
        prop_assert_eq!(challenge.verify(&b).is_ok(), a == b);
    }
}
