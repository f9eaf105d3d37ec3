//! RFC 6749 3.1, 4.1.1, 4.1.2.1 and the parameters of RFC 7636, RFC 9449 and RFC 8707.

use proptest::prelude::*;
use sceau::oauth::{
    AuthorizationRequest, AuthorizeError, Client, ErrorCode, GrantType, OAuthError, REPRESENTATION,
    RawParams, RedirectError, ResponseMode, ScopeSet, authorization_request,
};

use super::client::{confidential, fapi, native, with};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn good() -> Vec<(String, String)> {
    [
        ("client_id", "rp-1"),
        ("redirect_uri", "https://rp.example/cb"),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "st"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// The good request with `name` set to `value`, or removed.
fn request(name: &str, value: Option<&str>) -> RawParams {
    let mut pairs = good();
    pairs.retain(|(n, _)| n != name);
    pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    RawParams::from_pairs(pairs)
}

fn accepted(params: &RawParams, client: &Client) -> AuthorizationRequest {
    authorization_request(params, client).unwrap()
}

fn page(params: &RawParams, client: &Client) -> OAuthError {
    match authorization_request(params, client) {
        Err(AuthorizeError::Page(error)) => error,
        other => panic!("not a page: {other:?}"),
    }
}

fn redirect(params: &RawParams, client: &Client) -> RedirectError {
    match authorization_request(params, client) {
        Err(AuthorizeError::Redirect(error)) => *error,
        other => panic!("not a redirect: {other:?}"),
    }
}

#[test]
fn s4_1_1_a_good_request_is_read() {
    let request = accepted(&RawParams::from_pairs(good()), &confidential());
    assert_eq!(request.redirect_uri, "https://rp.example/cb");
    assert!(request.redirect_uri_sent);
    assert_eq!(request.scope, ScopeSet::parse("openid profile").unwrap());
    assert_eq!(request.state.as_deref(), Some("st"));
    assert_eq!(request.response_mode, ResponseMode::Query);
    assert_eq!(request.code_challenge.unwrap().to_string(), CHALLENGE);
    assert_eq!(request.dpop_jkt, None);
    let json = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&json).unwrap(), request);
}

#[test]
fn s3_1_unknown_parameters_and_the_order_of_scopes_do_not_matter() {
    let mut pairs = good();
    pairs.push(("foo".to_owned(), "bar".to_owned()));
    pairs.reverse();
    let reversed = accepted(&RawParams::from_pairs(pairs), &confidential());
    assert_eq!(reversed, accepted(&request("scope", Some("profile openid")), &confidential()));
}

#[test]
fn s4_1_2_1_a_wrong_client_or_redirect_uri_is_a_page() {
    let table = [
        ("client_id", Some("rp-2")),
        ("client_id", None),
        ("redirect_uri", None),
        ("redirect_uri", Some("https://rp.example/cb/")),
        ("redirect_uri", Some("https://rp.example/cb?x=1")),
        ("redirect_uri", Some("https://evil.example/cb")),
        ("redirect_uri", Some("http://127.0.0.1:1/cb")),
    ];
    for (name, value) in table {
        assert_eq!(
            page(&request(name, value), &confidential()).code,
            ErrorCode::InvalidRequest,
            "{name} {value:?}"
        );
    }
}

#[test]
fn s4_1_2_1_a_repeated_client_or_redirect_uri_is_a_page() {
    for (name, value) in [("client_id", "rp-1"), ("redirect_uri", "https://rp.example/cb")] {
        let mut pairs = good();
        pairs.push((name.to_owned(), value.to_owned()));
        assert_eq!(page(&RawParams::from_pairs(pairs), &confidential()).code, ErrorCode::InvalidRequest);
    }
}

#[test]
fn s4_1_2_1_a_disabled_client_is_a_page() {
    let client = with(confidential(), |c| c.enabled = false);
    assert_eq!(page(&RawParams::from_pairs(good()), &client).code, ErrorCode::UnauthorizedClient);
}

#[test]
fn s4_1_2_1_every_other_fault_is_told_to_the_client() {
    use ErrorCode as E;
    let long = "s".repeat(4097);
    let many = "a ".repeat(10_000);
    let table = [
        ("response_mode", Some("fragment"), E::InvalidRequest),
        ("state", Some(long.as_str()), E::InvalidRequest),
        ("state", Some("a\nb"), E::InvalidRequest),
        ("request", Some("e30.e30."), E::RequestNotSupported),
        ("request_uri", Some("https://rp.example/r"), E::RequestUriNotSupported),
        ("registration", Some("{}"), E::RegistrationNotSupported),
        ("resource", Some("https://api.example"), E::InvalidTarget),
        ("response_type", None, E::InvalidRequest),
        ("response_type", Some("token"), E::UnsupportedResponseType),
        ("response_type", Some("id_token"), E::UnsupportedResponseType),
        ("response_type", Some("code id_token"), E::UnsupportedResponseType),
        ("response_type", Some("none"), E::UnsupportedResponseType),
        ("scope", None, E::InvalidScope),
        ("scope", Some("profile"), E::InvalidScope),
        ("scope", Some("openid \"x"), E::InvalidScope),
        ("scope", Some(many.as_str()), E::InvalidRequest),
        ("code_challenge", Some("short"), E::InvalidRequest),
        ("code_challenge", None, E::InvalidRequest),
        ("code_challenge_method", Some("plain"), E::InvalidRequest),
        ("code_challenge_method", None, E::InvalidRequest),
        ("dpop_jkt", Some("short"), E::InvalidRequest),
    ];
    for (name, value, code) in table {
        let refusal = redirect(&request(name, value), &confidential());
        assert_eq!(refusal.error.code, code, "{name} {value:?}");
        assert_eq!(refusal.redirect_uri, "https://rp.example/cb");
        assert_eq!(refusal.state.is_none(), name == "state", "{name}");
    }
}

#[test]
fn s3_1_a_parameter_sent_twice_is_invalid_request() {
    for name in ["scope", "state", "response_type", "nonce", "foo", "response_mode"] {
        let mut pairs = good();
        pairs.retain(|(n, _)| n != name);
        pairs.extend(["query", "query"].map(|value| (name.to_owned(), value.to_owned())));
        let refusal = redirect(&RawParams::from_pairs(pairs), &confidential());
        assert_eq!(refusal.error.code, ErrorCode::InvalidRequest, "{name}");
        assert_eq!(refusal.state.is_none(), name == "state", "{name}");
    }
}

#[test]
fn s4_1_2_1_a_refusal_goes_the_way_that_was_asked() {
    let mut pairs = good();
    pairs.retain(|(name, _)| name != "scope");
    pairs.push(("response_mode".to_owned(), "form_post".to_owned()));
    let refusal = redirect(&RawParams::from_pairs(pairs), &confidential());
    assert_eq!(refusal.response_mode, ResponseMode::FormPost);
}

#[test]
fn s4_1_2_no_state_is_accepted() {
    assert_eq!(accepted(&request("state", None), &confidential()).state, None);
}

#[test]
fn s4_1_2_a_long_state_is_kept_to_the_byte() {
    let state = "é&=#".repeat(800);
    assert_eq!(accepted(&request("state", Some(&state)), &confidential()).state, Some(state));
}

#[test]
fn s3_3_asking_for_whom_a_person_acts_needs_the_scope_and_the_permission() {
    let asked = |registered: &str, release: &str| {
        let client = Client {
            scopes: ScopeSet::parse(registered).unwrap(),
            release: ScopeSet::parse(release).unwrap(),
            ..confidential()
        };
        accepted(&request("scope", Some("openid representation")), &client).scope.contains(REPRESENTATION)
    };
    assert!(asked("openid representation", "ins representation"));
    assert!(!asked("openid representation", "ins"));
    assert!(!asked("openid", "ins representation"));
}

#[test]
fn s3_3_scopes_that_are_not_registered_are_ignored() {
    let request = accepted(&request("scope", Some("openid profile rpps unknown")), &confidential());
    assert_eq!(request.scope, ScopeSet::parse("openid profile").unwrap());
}

#[test]
fn s4_1_2_1_a_client_without_the_grant_is_unauthorized() {
    let client = with(confidential(), |c| c.grant_types = vec![GrantType::ClientCredentials]);
    assert_eq!(redirect(&RawParams::from_pairs(good()), &client).error.code, ErrorCode::UnauthorizedClient);
}

#[test]
fn rfc7636_s4_4_1_pkce_is_required_of_native_and_fapi_clients() {
    let bare: Vec<_> = good().into_iter().filter(|(name, _)| !name.starts_with("code_challenge")).collect();
    let params = RawParams::from_pairs(bare.clone());
    assert_eq!(accepted(&params, &confidential()).code_challenge, None);
    assert_eq!(redirect(&params, &fapi()).error.public, "code_challenge required");

    let loopback = bare.into_iter().map(|(name, value)| {
        let value = if name == "redirect_uri" { "http://127.0.0.1:5004/cb".to_owned() } else { value };
        (name, value)
    });
    let refusal = redirect(&RawParams::from_pairs(loopback), &native());
    assert_eq!(refusal.error.public, "code_challenge required");
    assert_eq!(refusal.redirect_uri, "http://127.0.0.1:5004/cb");
}

#[test]
fn rfc9449_s10_dpop_jkt_is_kept() {
    let request = accepted(&request("dpop_jkt", Some(CHALLENGE)), &confidential());
    assert_eq!(request.dpop_jkt.unwrap().to_string(), CHALLENGE);
}

#[test]
fn public_texts_never_reflect_input() {
    let refusal = redirect(&request("response_type", Some("<script>")), &confidential());
    assert!(!refusal.error.public.contains("script"));
}

proptest! {
    #[test]
    fn no_request_is_redirected_to_an_unregistered_address(uri in "(https://rp\\.example/cb)?\\PC{0,12}") {
        let params = request("redirect_uri", Some(&uri));
        match authorization_request(&params, &confidential()) {
            Ok(request) => prop_assert_eq!(request.redirect_uri, "https://rp.example/cb"),
            Err(AuthorizeError::Redirect(refusal)) => prop_assert_eq!(refusal.redirect_uri, "https://rp.example/cb"),
            Err(AuthorizeError::Page(_)) => prop_assert_ne!(uri, "https://rp.example/cb"),
        }
    }
}
