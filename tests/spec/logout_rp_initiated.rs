//! Twin of `src/oidc/logout_rp_initiated.rs`.

use sceau::oauth::{Client, ErrorCode, RawParams};
use sceau::oidc::{
    BrowserSession, HintClaims, LogoutRequest, LogoutReturn, LogoutVerdict, judge_logout, logout_request,
    logout_return,
};

use super::client::{confidential, with};

fn hint() -> HintClaims {
    HintClaims { sub: "5dVGQfRX0zYJ".to_owned(), actor: None, sid: None, aud: "rp-1".parse().unwrap() }
}

fn read(text: &str) -> Result<LogoutRequest, ErrorCode> {
    logout_request(&RawParams::parse(text.as_bytes()).unwrap()).map_err(|error| error.code)
}

fn registered(uris: &[&str]) -> Client {
    with(confidential(), |client| {
        client.post_logout_redirect_uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
    })
}

#[test]
fn s2_every_parameter_is_optional() {
    let empty = read("").unwrap();
    assert!(empty.id_token_hint.is_none() && empty.client_id.is_none() && empty.state.is_none());
    let full = read(
        "id_token_hint=a.b.c&client_id=rp-1&post_logout_redirect_uri=https%3A%2F%2Frp.example%2Fbye&state=s1&ui_locales=en+fr&logout_hint=x",
    )
    .unwrap();
    assert_eq!(full.id_token_hint.unwrap().expose(), "a.b.c");
    assert_eq!(full.client_id.unwrap().as_str(), "rp-1");
    assert_eq!(full.post_logout_redirect_uri.as_deref(), Some("https://rp.example/bye"));
    assert_eq!(full.state.as_deref(), Some("s1"));
    assert_eq!(full.ui_locales, ["en", "fr"]);
}

#[test]
fn s2_a_malformed_request_is_refused() {
    let long = format!("state={}", "s".repeat(4097));
    for bad in ["state=a&state=b", "id_token_hint=a&id_token_hint=a", "client_id=a+b", &long] {
        assert_eq!(read(bad).unwrap_err(), ErrorCode::InvalidRequest, "{bad}");
    }
    assert!(read(&format!("state={}", "s".repeat(4096))).is_ok());
}

#[test]
fn s2_the_client_must_be_that_of_the_hint() {
    let other = LogoutRequest { client_id: Some("rp-2".parse().unwrap()), ..LogoutRequest::default() };
    for session in [BrowserSession::None, BrowserSession::OfHint, BrowserSession::Other] {
        let refused = judge_logout(&other, Some(&hint()), session).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest);
        // Without a valid hint there is nothing to compare with.
        assert!(judge_logout(&other, None, session).is_ok());
    }
    let same = LogoutRequest { client_id: Some("rp-1".parse().unwrap()), ..LogoutRequest::default() };
    assert_eq!(judge_logout(&same, Some(&hint()), BrowserSession::OfHint), Ok(LogoutVerdict::Proceed));
}

#[test]
fn s6_a_session_that_the_hint_does_not_name_ends_only_by_the_person() {
    let request = LogoutRequest::default();
    let judge = |hint: Option<&HintClaims>, session| judge_logout(&request, hint, session).unwrap();
    assert_eq!(judge(None, BrowserSession::Other), LogoutVerdict::Ask);
    assert_eq!(judge(Some(&hint()), BrowserSession::Other), LogoutVerdict::Ask);
    assert_eq!(judge(Some(&hint()), BrowserSession::OfHint), LogoutVerdict::Proceed);
    // 4: logging out twice is no error.
    assert_eq!(judge(None, BrowserSession::None), LogoutVerdict::Proceed);
}

#[test]
fn s3_the_way_back_is_registered_exactly_so_and_needs_a_hint() {
    let client = registered(&["https://rp.example/bye"]);
    let wanting = |uri: &str| LogoutRequest {
        post_logout_redirect_uri: Some(uri.to_owned()),
        ..LogoutRequest::default()
    };
    let exact = wanting("https://rp.example/bye");
    assert_eq!(
        logout_return(&exact, Some(&client)),
        LogoutReturn::Redirect("https://rp.example/bye".to_owned())
    );
    assert_eq!(logout_return(&exact, None), LogoutReturn::Refused);
    assert_eq!(logout_return(&LogoutRequest::default(), Some(&client)), LogoutReturn::Stay);
    // attacks.md A-097: the variants of A-001.
    let variants = [
        "https://rp.example/bye?x=1",
        "https://rp.example/bye#x",
        "https://rp.example/bye/",
        "https://rp.example/bye/../evil",
        "https://rp.example/BYE",
        "https://RP.example/bye",
        "http://rp.example/bye",
        "https://rp.example:443/bye",
        "https://rp.example.evil.example/bye",
        "https://rp.example@evil.example/bye",
        "https://rp.example/bye%2f",
        "https://evil.example/bye",
        "//rp.example/bye",
        "javascript:alert(1)",
    ];
    for variant in variants {
        assert_eq!(logout_return(&wanting(variant), Some(&client)), LogoutReturn::Refused, "{variant}");
    }
}

#[test]
fn s3_the_state_comes_back_as_sent() {
    let client = registered(&["https://rp.example/bye?from=op"]);
    let request = LogoutRequest {
        post_logout_redirect_uri: Some("https://rp.example/bye?from=op".to_owned()),
        state: Some("a b&c=d\r\nSet-Cookie: x".to_owned()),
        ..LogoutRequest::default()
    };
    let LogoutReturn::Redirect(location) = logout_return(&request, Some(&client)) else {
        panic!("no way back")
    };
    assert!(location.starts_with("https://rp.example/bye?from=op&state="), "{location}");
    assert!(!location.contains(['\r', '\n', ' ']), "{location}");
    let url = url::Url::parse(&location).unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    assert_eq!(Some(state), request.state);
}
