//! RFC 6749 6, RFC 9700 4.14.2, RFC 9449 5.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use sceau::base::{FamilyId, SeededEntropy, TokenHash, UnixTime};
use sceau::jose::Thumbprint;
use sceau::oauth::{ErrorCode, Family, FamilyVerdict, RefreshToken, ScopeSet, judge_refresh, narrowed_scope};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const KEY: Thumbprint = Thumbprint::from_bytes([1; 32]);
const OTHER_KEY: Thumbprint = Thumbprint::from_bytes([2; 32]);

/// A family after two rotations: `first` is older than previous.
fn family() -> Family {
    Family {
        id: FamilyId::random(&SeededEntropy::new(1)),
        generation: 2,
        current: hash("third"),
        previous: Some(hash("second")),
        jkt: Some(KEY),
        absolute_expiry: NOW.plus(Duration::from_hours(1)),
        idle_expiry: NOW.plus(Duration::from_mins(10)),
        dead: false,
    }
}

fn hash(token: &str) -> TokenHash {
    TokenHash::of(token)
}

fn rotating(family: &Family, token: &str, key: Option<Thumbprint>) -> FamilyVerdict {
    judge_refresh(family, &hash(token), key, true, NOW)
}

#[test]
fn a_token_names_its_family() {
    let entropy = SeededEntropy::new(1);
    let id = FamilyId::random(&entropy);
    let token = RefreshToken::new(id, &entropy);
    assert_eq!(token.expose().len(), 65);
    assert_eq!(RefreshToken::parse(token.expose()), Some((id, token.hash())));
    assert_eq!(format!("{token:?}"), "RefreshToken([redacted])");
    assert_ne!(RefreshToken::new(id, &entropy), token);
}

#[test]
fn what_is_no_refresh_token_names_nothing() {
    let entropy = SeededEntropy::new(1);
    let token = RefreshToken::new(FamilyId::random(&entropy), &entropy);
    let text = token.expose();
    let padded = format!("{text}=");
    let wide = "é".repeat(40);
    for foreign in
        ["", "a", &text[..64], &text[..22], &padded, &text.replace('_', "/").replace('-', "+")[1..], &wide]
    {
        assert_eq!(RefreshToken::parse(foreign), None, "{foreign}");
    }
}

#[test]
fn rfc9700_s4_14_2_the_current_token_rotates() {
    assert_eq!(rotating(&family(), "third", Some(KEY)), FamilyVerdict::Rotate);
}

#[test]
fn rfc9700_s4_14_2_the_previous_token_is_answered_again() {
    assert_eq!(rotating(&family(), "second", Some(KEY)), FamilyVerdict::Repeat);
}

#[test]
fn rfc9700_s4_14_2_an_older_token_is_reuse_with_any_key() {
    for key in [Some(KEY), Some(OTHER_KEY), None] {
        assert_eq!(rotating(&family(), "first", key), FamilyVerdict::Reuse);
    }
}

#[test]
fn a_token_the_family_cannot_have_had_is_unknown() {
    let young = Family { generation: 1, ..family() };
    assert_eq!(rotating(&young, "first", Some(KEY)), FamilyVerdict::Unknown);
    let born = Family { generation: 0, previous: None, ..family() };
    assert_eq!(rotating(&born, "first", Some(KEY)), FamilyVerdict::Unknown);
}

#[test]
fn rfc9449_s5_another_key_changes_nothing() {
    for token in ["third", "second"] {
        for key in [Some(OTHER_KEY), None] {
            assert_eq!(rotating(&family(), token, key), FamilyVerdict::WrongKey);
        }
    }
}

#[test]
fn fapi2_s5_3_2_1_a_confidential_client_keeps_its_token_whatever_the_proof() {
    let family = Family { generation: 0, previous: None, jkt: None, ..family() };
    for key in [Some(KEY), Some(OTHER_KEY), None] {
        assert_eq!(judge_refresh(&family, &hash("third"), key, false, NOW), FamilyVerdict::Keep);
    }
    assert_eq!(judge_refresh(&family, &hash("other"), None, false, NOW), FamilyVerdict::Unknown);
}

#[test]
fn a_dead_family_stays_dead() {
    let dead = Family { dead: true, ..family() };
    for token in ["third", "second", "first"] {
        assert_eq!(rotating(&dead, token, Some(KEY)), FamilyVerdict::Dead);
    }
}

#[test]
fn rfc9700_s4_14_2_both_expiries_hold() {
    let idle = Family { idle_expiry: NOW, ..family() };
    assert_eq!(rotating(&idle, "third", Some(KEY)), FamilyVerdict::Expired);
    let absolute = Family { absolute_expiry: NOW, ..family() };
    assert_eq!(rotating(&absolute, "third", Some(KEY)), FamilyVerdict::Expired);
    let last = Family { idle_expiry: NOW.plus(Duration::from_millis(1)), ..family() };
    assert_eq!(rotating(&last, "third", Some(KEY)), FamilyVerdict::Rotate);
}

#[test]
fn s6_scope_narrows_and_never_grows() {
    let original = ScopeSet::parse("openid profile").unwrap();
    let small = ScopeSet::parse("openid").unwrap();
    let wide = ScopeSet::parse("openid rpps").unwrap();
    assert_eq!(narrowed_scope(&original, None), Ok(original.clone()));
    assert_eq!(narrowed_scope(&original, Some(&small)), Ok(small));
    assert_eq!(narrowed_scope(&original, Some(&wide)).unwrap_err().code, ErrorCode::InvalidScope);
}

proptest! {
    /// A family is driven by any sequence of its own tokens: two of them at most are ever good, and the one that is
    /// older than both ends the family.
    #[test]
    fn a_family_has_one_branch(picks in prop::collection::vec(0usize..4, 1..40)) {
        let mut family = Family { generation: 0, previous: None, current: hash("0"), ..family() };
        let mut issued = VecDeque::from(["0".to_owned()]);
        for pick in picks {
            let age = pick.min(issued.len() - 1);
            let verdict = rotating(&family, &issued[age], Some(KEY));
            let expected = match age {
                0 => FamilyVerdict::Rotate,
                1 => FamilyVerdict::Repeat,
                _ => FamilyVerdict::Reuse,
            };
            prop_assert_eq!(verdict, expected);
            match verdict {
                FamilyVerdict::Rotate => {
                    family.generation += 1;
                    issued.push_front(family.generation.to_string());
                    family.previous = Some(family.current);
                    family.current = hash(&issued[0]);
                }
                FamilyVerdict::Reuse => break,
                _ => {}
            }
        }
    }
}
