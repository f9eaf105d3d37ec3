//! RFC 9207 2.

use sceau::base::Secret;
use sceau::oauth::{ErrorCode, OAuthError, error_params, success_params};

const ISSUER: &str = "https://op.example";

#[test]
fn s2_a_success_carries_iss() {
    let code = Secret::new("c0de".to_owned());
    let params = success_params(&code, Some("st"), ISSUER);
    assert_eq!(params, [("code", "c0de"), ("state", "st"), ("iss", ISSUER)]);
}

#[test]
fn s2_an_error_carries_iss_and_keeps_its_detail() {
    let error = OAuthError::new(ErrorCode::AccessDenied, "refused").with_internal("detail");
    let params = error_params(&error, Some("st"), ISSUER);
    let expected =
        [("error", "access_denied"), ("error_description", "refused"), ("state", "st"), ("iss", ISSUER)];
    assert_eq!(params, expected);
}

#[test]
fn rfc6749_s4_1_2_no_state_is_returned_when_none_was_sent() {
    let code = Secret::new("c0de".to_owned());
    assert_eq!(success_params(&code, None, ISSUER), [("code", "c0de"), ("iss", ISSUER)]);
}
