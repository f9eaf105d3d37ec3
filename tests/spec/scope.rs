//! RFC 6749 3.3.

use proptest::prelude::*;
use sceau::oauth::{ErrorCode, OAuthError, ScopeError, ScopeSet};

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

#[test]
fn s3_3_order_and_repetition_do_not_matter() {
    assert_eq!(scopes("openid profile"), scopes("profile openid openid"));
    assert_eq!(scopes("profile  openid ").to_string(), "openid profile");
    assert_eq!(scopes("").len(), 0);
}

#[test]
fn s3_3_scopes_are_case_sensitive() {
    assert!(scopes("OpenID").contains("OpenID"));
    assert!(!scopes("OpenID").contains("openid"));
}

#[test]
fn s3_3_foreign_characters_are_invalid_scope() {
    for text in ["a\"b", "a\\b", "a\tb", "openid\nprofile", "é", "a\u{7f}"] {
        assert_eq!(ScopeSet::parse(text), Err(ScopeError::Character), "{text:?}");
    }
    assert_eq!(OAuthError::from(ScopeError::Character).code, ErrorCode::InvalidScope);
}

#[test]
fn too_many_scopes_are_invalid_request() {
    assert_eq!(ScopeSet::parse(&"a ".repeat(65)), Err(ScopeError::TooLarge));
    assert_eq!(ScopeSet::parse(&"a".repeat(2049)), Err(ScopeError::TooLarge));
    assert!(ScopeSet::parse(&"a ".repeat(64)).is_ok());
    assert_eq!(OAuthError::from(ScopeError::TooLarge).code, ErrorCode::InvalidRequest);
}

#[test]
fn sets_are_compared_and_cut() {
    let small = scopes("openid");
    let large = scopes("openid profile");
    assert!(small.is_subset(&large) && !large.is_subset(&small));
    assert_eq!(large.intersection(&scopes("openid other")), small);
}

#[test]
fn serialised_as_the_list_of_the_wire() {
    let json = serde_json::to_string(&scopes("b a")).unwrap();
    assert_eq!(json, r#""a b""#);
    assert_eq!(serde_json::from_str::<ScopeSet>(&json).unwrap(), scopes("a b"));
    assert!(serde_json::from_str::<ScopeSet>(r#""a\\b""#).is_err());
}

proptest! {
    #[test]
    fn what_is_printed_is_parsed_alike(text in "([!#-\\[\\]-~]{1,12} ){0,20}") {
        let set = scopes(&text);
        prop_assert_eq!(scopes(&set.to_string()), set);
    }

    #[test]
    fn an_intersection_is_within_both(a in "([a-d]{1,2} ){0,9}", b in "([a-d]{1,2} ){0,9}") {
        let (a, b) = (scopes(&a), scopes(&b));
        let both = a.intersection(&b);
        prop_assert!(both.is_subset(&a) && both.is_subset(&b));
    }
}
