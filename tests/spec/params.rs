//! RFC 6749 3.1, 3.2 and appendix B.

use proptest::prelude::*;
use sceau::oauth::{ErrorCode, RawParams};

fn params(text: &str) -> RawParams {
    RawParams::parse(text.as_bytes()).unwrap()
}

#[test]
fn b_plus_and_percent_are_decoded() {
    let params = params("a=x+y%2Bz&b=%C3%A9");
    assert_eq!(params.get("a").unwrap(), Some("x y+z"));
    assert_eq!(params.get("b").unwrap(), Some("é"));
}

#[test]
fn s3_1_a_parameter_without_a_value_is_omitted() {
    let params = params("a=&b&&c=1");
    assert_eq!(params.get("a").unwrap(), None);
    assert_eq!(params.get("b").unwrap(), None);
    assert_eq!(params.get("c").unwrap(), Some("1"));
    assert!(!params.contains("a"));
}

#[test]
fn s3_1_a_parameter_sent_twice_is_invalid_request() {
    let params = params("scope=a&scope=b&x=1");
    assert_eq!(params.get("scope").unwrap_err().code, ErrorCode::InvalidRequest);
    assert_eq!(params.check_unique().unwrap_err().code, ErrorCode::InvalidRequest);
    assert_eq!(params.get("x").unwrap(), Some("1"));
}

#[test]
fn s3_1_an_empty_repetition_is_a_repetition() {
    assert!(params("scope=a&scope=").get("scope").is_err());
}

#[test]
fn rfc8707_s2_resource_may_repeat() {
    assert!(params("resource=a&resource=b").check_unique().is_ok());
}

#[test]
fn a_missing_parameter_is_named_to_the_log_only() {
    let error = params("a=1").require("code").unwrap_err();
    assert_eq!((error.code, error.internal.as_str()), (ErrorCode::InvalidRequest, "code"));
    assert!(!error.public.contains("code"));
}

#[test]
fn malformed_input_is_invalid_request_with_its_reason() {
    let many = "a=1&".repeat(65);
    let large = format!("a={}", "x".repeat(64 * 1024));
    let table: [(&[u8], &str); 9] = [
        (b"a=%", "broken percent escape"),
        (b"a=%4", "broken percent escape"),
        (b"a=%zz", "broken percent escape"),
        (b"a=%+1", "broken percent escape"),
        (b"a=%ff", "parameters are not UTF-8"),
        (b"a=%00", "control character in a parameter"),
        (b"%1b=a", "control character in a parameter"),
        (many.as_bytes(), "too many parameters"),
        (large.as_bytes(), "request too large"),
    ];
    for (input, reason) in table {
        let error = RawParams::parse(input).unwrap_err();
        assert_eq!((error.code, error.public), (ErrorCode::InvalidRequest, reason));
    }
}

#[test]
fn json_printed_over_several_lines_is_accepted() {
    assert!(RawParams::parse(b"claims=%7B%0D%0A%09%7D").is_ok());
}

#[test]
fn debug_shows_names_only() {
    assert_eq!(format!("{:?}", params("code=secret&state=x")), r#"{"code", "state"}"#);
}

#[test]
fn without_removes_the_named_ones() {
    let params = params("a=1&b=2&c=3").without(&["a", "c"]);
    assert_eq!(params.iter().collect::<Vec<_>>(), [("b", "2")]);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_alike(pairs in prop::collection::vec(("[a-z_]{1,8}", "[^\\p{Cc}]{0,40}"), 0..20)) {
        let params = RawParams::from_pairs(pairs);
        prop_assert_eq!(RawParams::parse(params.encode().as_bytes()).unwrap(), params);
    }

    #[test]
    fn any_bytes_are_judged_without_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = RawParams::parse(&bytes);
    }
}
