//! RFC 6750 2.1, 3 and 3.1; RFC 9449 7.1.

use proptest::prelude::*;
use sceau::oauth::{BearerError, Challenge, ErrorCode, OAuthError, PresentedToken, Scheme, ScopeSet};

#[test]
fn s2_1_both_schemes_are_read_in_any_case() {
    for (header, scheme) in [
        ("Bearer abc", Scheme::Bearer),
        ("bearer abc", Scheme::Bearer),
        ("DPoP abc", Scheme::Dpop),
        ("DPOP   abc", Scheme::Dpop),
    ] {
        let presented = PresentedToken::parse(header).unwrap();
        assert_eq!((presented.scheme, presented.token.expose()), (scheme, "abc"), "{header}");
    }
    assert_eq!(PresentedToken::parse("Bearer a-._~+/Z==").unwrap().token.expose(), "a-._~+/Z==");
}

#[test]
fn s2_1_malformed_headers_are_refused_with_their_reason() {
    let long = format!("Bearer {}", "a".repeat(8193));
    let table = [
        ("", BearerError::Scheme),
        ("Bearer", BearerError::Scheme),
        ("Bearerabc", BearerError::Scheme),
        ("Basic dTpw", BearerError::Scheme),
        (" Bearer abc", BearerError::Scheme),
        ("Bearer ", BearerError::Malformed),
        ("Bearer ==", BearerError::Malformed),
        ("Bearer a b", BearerError::Malformed),
        ("Bearer a,b", BearerError::Malformed),
        ("Bearer a=b", BearerError::Malformed),
        ("Bearer \"abc\"", BearerError::Malformed),
        ("Bearer é", BearerError::Malformed),
        (long.as_str(), BearerError::Malformed),
    ];
    for (header, reason) in table {
        assert_eq!(PresentedToken::parse(header), Err(reason), "{header}");
        assert_eq!(OAuthError::from(reason).code, ErrorCode::InvalidToken);
    }
}

#[test]
fn the_token_is_not_shown_by_debug() {
    assert!(!format!("{:?}", PresentedToken::parse("Bearer abc").unwrap()).contains("abc"));
}

#[test]
fn s3_1_a_request_without_token_is_told_no_error() {
    assert_eq!(Challenge::new(Scheme::Bearer).header(), r#"Bearer realm="sceau""#);
}

#[test]
fn s3_a_refused_token_is_told_why() {
    let error = OAuthError::new(ErrorCode::InsufficientScope, "openid needed").with_internal("detail");
    let scope = ScopeSet::parse("openid").unwrap();
    let header = Challenge::new(Scheme::Bearer).error(&error).scope(scope).header();
    let expected = concat!(
        r#"Bearer realm="sceau", error="insufficient_scope", "#,
        r#"error_description="openid needed", scope="openid""#
    );
    assert_eq!(header, expected);
}

#[test]
fn rfc9449_s7_1_the_algorithms_of_proofs_are_named() {
    let header = Challenge::new(Scheme::Dpop).algorithms("ES256 EdDSA").header();
    assert_eq!(header, r#"DPoP realm="sceau", algs="ES256 EdDSA""#);
}

proptest! {
    #[test]
    fn any_header_is_judged_without_a_fault(header in "(Bearer |dpop )?\\PC{0,80}") {
        if let Ok(presented) = PresentedToken::parse(&header) {
            prop_assert!(header.ends_with(presented.token.expose()));
        }
    }
}
