//! The error table.

use std::collections::BTreeSet;

use sceau::oauth::{ErrorCode, OAuthError};

#[test]
fn the_table_of_codes_is_as_reviewed() {
    let rows: Vec<String> = ErrorCode::ALL
        .iter()
        .map(|code| format!("{:<34} {} {}", code.as_str(), code.status(), code.section()))
        .collect();
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn each_code_has_its_own_name() {
    let names: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), ErrorCode::ALL.len());
}

#[test]
fn s5_2_codes_use_only_the_characters_of_the_grammar() {
    let legal = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(ErrorCode::ALL.iter().all(|code| code.as_str().bytes().all(legal)));
}

#[test]
fn the_detail_for_the_log_is_not_displayed() {
    let error = OAuthError::new(ErrorCode::InvalidGrant, "code not acceptable").with_internal("stolen");
    assert_eq!(error.to_string(), "invalid_grant: code not acceptable");
    assert_eq!(error.internal, "stolen");
}
