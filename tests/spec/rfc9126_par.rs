//! RFC 9126.

use sceau::base::{EntropyExt as _, SeededEntropy, TokenHash};
use sceau::jose::Thumbprint;
use sceau::oauth::{ErrorCode, PushedAnswer, RawParams, RequestUri, bound_to_key, pushed_parameters};

fn request_uri() -> RequestUri {
    RequestUri::new(SeededEntropy::new(1).token())
}

#[test]
fn s2_2_the_uri_names_its_push_by_hash() {
    let uri = request_uri();
    let text = uri.expose();
    assert!(text.starts_with("urn:ietf:params:oauth:request_uri:"));
    assert_eq!(text.len(), "urn:ietf:params:oauth:request_uri:".len() + 43);
    assert_eq!(RequestUri::parse(&text), Some(uri.hash()));
    assert_ne!(uri.hash(), TokenHash::of(&text));
}

#[test]
fn s7_1_foreign_uris_name_nothing() {
    let text = request_uri().expose();
    let upper = text.replace("urn:", "URN:");
    let longer = format!("{text}A");
    for foreign in ["", "urn:ietf:params:oauth:request_uri:", &text[..text.len() - 1], &longer, &upper] {
        assert_eq!(RequestUri::parse(foreign), None, "{foreign}");
    }
    assert_eq!(RequestUri::parse("https://rp.example/request.jwt"), None);
}

#[test]
fn s7_1_debug_does_not_show_the_uri() {
    assert_eq!(format!("{:?}", request_uri()), "RequestUri([redacted])");
}

#[test]
fn s2_1_request_uri_cannot_be_pushed() {
    let params = RawParams::parse(b"client_id=rp&request_uri=urn:x").unwrap();
    assert_eq!(pushed_parameters(params).unwrap_err().code, ErrorCode::InvalidRequest);
}

#[test]
fn s2_1_credentials_are_not_part_of_the_request() {
    let body = b"client_id=rp&client_secret=s&client_assertion=j&client_assertion_type=t&scope=openid";
    let params = pushed_parameters(RawParams::parse(body).unwrap()).unwrap();
    assert_eq!(params.iter().collect::<Vec<_>>(), [("client_id", "rp"), ("scope", "openid")]);
}

#[test]
fn s2_1_a_repeated_parameter_is_invalid_request() {
    let params = RawParams::parse(b"scope=a&scope=b").unwrap();
    assert_eq!(pushed_parameters(params).unwrap_err().code, ErrorCode::InvalidRequest);
}

#[test]
fn s2_2_the_answer_has_two_members() {
    let answer = PushedAnswer { request_uri: request_uri(), expires_in: 90 };
    let expected = serde_json::json!({ "request_uri": request_uri().expose(), "expires_in": 90 });
    assert_eq!(answer.to_json(), expected);
}

/// RFC 9449 10.1.
#[test]
fn s2_1_a_proof_beside_the_push_binds_it() {
    let key = Thumbprint::from_bytes([7; 32]);
    let ask = RawParams::parse(b"client_id=rp&state=a%20b").unwrap();
    let bound = bound_to_key(&ask, &key).unwrap();
    assert_eq!(bound.get("dpop_jkt").unwrap(), Some(key.to_string().as_str()));
    assert_eq!(bound.get("state").unwrap(), Some("a b"));
    assert_eq!(bound_to_key(&bound, &key).unwrap(), bound);
    let other = bound_to_key(&bound, &Thumbprint::from_bytes([8; 32])).unwrap_err();
    assert_eq!(other.code, ErrorCode::InvalidDpopProof);
}
