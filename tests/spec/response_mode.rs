//! RFC 6749 4.1.2, OAuth 2.0 Form Post Response Mode 2.

use proptest::prelude::*;
use sceau::oauth::{AuthorizationResponse, ErrorCode, ResponseMode, authorization_response};

fn location(redirect_uri: &str, params: &[(&str, &str)]) -> String {
    match authorization_response(redirect_uri, ResponseMode::Query, params) {
        AuthorizationResponse::Redirect(location) => location,
        AuthorizationResponse::Form { .. } => panic!("a form"),
    }
}

#[test]
fn s2_1_query_is_the_default_and_the_others_are_refused() {
    assert_eq!(ResponseMode::parse(None).unwrap(), ResponseMode::Query);
    assert_eq!(ResponseMode::parse(Some("query")).unwrap(), ResponseMode::Query);
    assert_eq!(ResponseMode::parse(Some("form_post")).unwrap(), ResponseMode::FormPost);
    for other in ["fragment", "jwt", "query.jwt", "form_post.jwt", "web_message", "QUERY", ""] {
        assert_eq!(ResponseMode::parse(Some(other)).unwrap_err().code, ErrorCode::InvalidRequest, "{other}");
    }
}

#[test]
fn s4_1_2_parameters_are_form_encoded() {
    let location = location("https://rp.example/cb", &[("code", "a b&c=d"), ("state", "é\"\r\n#")]);
    assert_eq!(location, "https://rp.example/cb?code=a+b%26c%3Dd&state=%C3%A9%22%0D%0A%23");
}

#[test]
fn s3_1_2_the_query_of_the_redirect_uri_is_kept() {
    assert_eq!(location("https://rp.example/cb?a=b", &[("code", "x")]), "https://rp.example/cb?a=b&code=x");
    assert_eq!(location("https://rp.example/cb?", &[("code", "x")]), "https://rp.example/cb?code=x");
    assert_eq!(location("https://rp.example/cb?a=b&", &[("code", "x")]), "https://rp.example/cb?a=b&code=x");
    assert_eq!(location("fr.example.app:/cb", &[("code", "x")]), "fr.example.app:/cb?code=x");
}

#[test]
fn s2_form_post_posts_the_parameters_to_the_redirect_uri() {
    let answer =
        authorization_response("https://rp.example/cb?a=b", ResponseMode::FormPost, &[("state", "<&>")]);
    let AuthorizationResponse::Form { action, fields } = answer else { panic!("a redirect") };
    assert_eq!(action, "https://rp.example/cb?a=b");
    assert_eq!(fields, [("state".to_owned(), "<&>".to_owned())]);
}

proptest! {
    #[test]
    fn a_state_comes_back_as_it_was(state in "\\PC{1,200}") {
        let location = location("https://rp.example/cb?a=b", &[("state", &state)]);
        let uri = url::Url::parse(&location).unwrap();
        let back: Vec<String> =
            uri.query_pairs().filter(|(name, _)| name == "state").map(|(_, value)| value.into_owned()).collect();
        prop_assert_eq!(back, [state]);
    }
}
