//! Twin of `src/oauth/rfc7009_revocation.rs`.

use sceau::oauth::{ErrorCode, RawParams, TokenTypeHint, revocation_request};

fn params(text: &str) -> RawParams {
    RawParams::parse(text.as_bytes()).unwrap()
}

#[test]
fn s2_1_a_token_and_perhaps_a_hint() {
    let request = revocation_request(&params("token=45ghiukldjahdnhzdauz&token_type_hint=refresh_token"));
    let request = request.unwrap();
    assert_eq!(request.token.expose(), "45ghiukldjahdnhzdauz");
    assert_eq!(request.hint, Some(TokenTypeHint::RefreshToken));
    let other = revocation_request(&params("token=t&token_type_hint=access_token")).unwrap();
    assert_eq!(other.hint, Some(TokenTypeHint::AccessToken));
}

#[test]
fn s2_1_an_unknown_hint_is_ignored() {
    for hint in ["", "&token_type_hint=", "&token_type_hint=id_token", "&token_type_hint=REFRESH_TOKEN"] {
        assert_eq!(revocation_request(&params(&format!("token=t{hint}"))).unwrap().hint, None, "{hint}");
    }
}

#[test]
fn s2_1_without_one_token_the_request_is_refused() {
    for bad in ["", "token=", "token_type_hint=access_token", "token=a&token=b", "token=a&x=1&x=2"] {
        assert_eq!(revocation_request(&params(bad)).unwrap_err().code, ErrorCode::InvalidRequest, "{bad}");
    }
}
