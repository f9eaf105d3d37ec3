//! Twin of `src/oidc/core_request.rs`.

use sceau::jose::Algorithm;
use sceau::oauth::{
    AuthorizeError, Client, ClientAuthMethod, ConsentPolicy, ErrorCode, GrantType, Profile, RawParams,
    RedirectUri, ScopeSet,
};
use sceau::oidc::{AuthenticationRequest, ClaimSpec, Prompt, authentication_request};

const REDIRECT: &str = "https://service.example/cb";

fn client() -> Client {
    Client {
        client_id: "c1".parse().unwrap(),
        name: "Service".to_owned(),
        profile: Profile::Oidc,
        auth: ClientAuthMethod::SecretBasic,
        secret_hash: None,
        jwks: None,
        redirect_uris: vec![RedirectUri::parse(REDIRECT, false).unwrap()],
        post_logout_redirect_uris: Vec::new(),
        grant_types: vec![GrantType::AuthorizationCode],
        scopes: ScopeSet::parse("openid profile rpps").unwrap(),
        sector: "service.example".to_owned(),
        id_token_alg: Algorithm::Es256,
        dpop_bound_access_tokens: false,
        consent: ConsentPolicy::Ask,
        resource_server: false,
        release: ScopeSet::default(),
        enabled: true,
    }
}

/// A good request with `extra` parameters.
fn judge(extra: &[(&str, &str)]) -> Result<AuthenticationRequest, AuthorizeError> {
    let good = [
        ("client_id", "c1"),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("scope", "openid rpps"),
        ("state", "st"),
    ];
    let pairs = good.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    authentication_request(&RawParams::from_pairs(pairs), &client())
}

fn accepted(extra: &[(&str, &str)]) -> AuthenticationRequest {
    judge(extra).unwrap_or_else(|error| panic!("{extra:?}: {error:?}"))
}

#[test]
fn s3_1_2_1_only_the_oauth_parameters_are_needed() {
    let request = accepted(&[]);
    assert_eq!(request.oauth.redirect_uri, REDIRECT);
    assert_eq!((request.nonce, request.max_age, request.acr_values), (None, None, None));
    assert!(request.prompt.is_empty() && request.ui_locales.is_empty());
    assert!(request.claims.userinfo.is_empty() && request.claims.id_token.is_empty());
}

#[test]
fn s3_1_2_1_each_parameter_is_read() {
    let request = accepted(&[
        ("nonce", "n-0S6_WzA2Mj"),
        ("prompt", "login consent"),
        ("max_age", "0"),
        ("acr_values", "eidas1 phr"),
        ("ui_locales", "fr-FR en"),
        ("login_hint", "899700427885"),
        ("id_token_hint", "a.b.c"),
    ]);
    assert_eq!(request.nonce.as_deref(), Some("n-0S6_WzA2Mj"));
    assert!(request.prompt.contains(Prompt::Login) && request.prompt.contains(Prompt::Consent));
    assert!(!request.prompt.contains(Prompt::None) && !request.prompt.contains(Prompt::SelectAccount));
    assert_eq!(request.max_age, Some(0));
    assert_eq!(request.acr_values.as_deref(), Some("eidas1 phr"));
    assert_eq!(request.ui_locales, ["fr-FR", "en"]);
    assert_eq!(request.login_hint.unwrap().expose(), "899700427885");
    assert_eq!(request.id_token_hint.unwrap().expose(), "a.b.c");
}

#[test]
fn s3_1_2_1_unknown_parameters_are_ignored() {
    accepted(&[("foo", "bar"), ("acr", "eidas1"), ("display", "hologram"), ("kc_idp_hint", "x")]);
}

#[test]
fn s3_1_2_6_each_bad_parameter_is_invalid_request_at_the_redirect_uri() {
    let long = "n".repeat(513);
    let longer = "n".repeat(1025);
    let hint = "h".repeat(8 * 1024 + 1);
    let cases: &[(&str, &str, &str)] = &[
        ("prompt", "none login", "prompt none stands alone"),
        ("prompt", "consent none", "prompt none stands alone"),
        ("prompt", "create", "prompt has an unknown value"),
        ("prompt", "LOGIN", "prompt has an unknown value"),
        ("max_age", "-1", "max_age is not a number of seconds"),
        ("max_age", "+1", "max_age is not a number of seconds"),
        ("max_age", "1.5", "max_age is not a number of seconds"),
        ("max_age", "99999999999999999999", "max_age is not a number of seconds"),
        ("nonce", &long, "a parameter is too long"),
        ("login_hint", &long, "a parameter is too long"),
        ("acr_values", &longer, "a parameter is too long"),
        ("ui_locales", &longer, "a parameter is too long"),
        ("id_token_hint", &hint, "a parameter is too long"),
        ("claims", "{", "claims is not JSON"),
        ("claims", "{\"userinfo\":{},\"userinfo\":{}}", "claims is not JSON"),
        ("claims", "[]", "claims is not a JSON object"),
        ("claims", "{\"userinfo\":[]}", "claims has a member that is not an object"),
        ("claims", "{\"id_token\":\"acr\"}", "claims has a member that is not an object"),
        ("claims", "{\"userinfo\":{\"a\":1}}", "claims asks for a claim with neither null nor an object"),
        (
            "claims",
            "{\"userinfo\":{\"a\":{\"essential\":1}}}",
            "claims has an essential that is not a boolean",
        ),
        ("claims", "{\"userinfo\":{\"a\":{\"values\":1}}}", "claims has values that is not an array"),
        ("claims", "{\"userinfo\":{\"a\":{\"values\":[[]]}}}", "claims has a value that is not a scalar"),
        ("claims", "{\"userinfo\":{\"a\":{\"value\":null}}}", "claims has a value that is not a scalar"),
    ];
    for (name, value, public) in cases {
        match judge(&[(name, value)]) {
            Err(AuthorizeError::Redirect(refused)) => {
                assert_eq!(refused.error.code, ErrorCode::InvalidRequest, "{name}={value:.60}");
                assert_eq!(refused.error.public, *public, "{name}={value:.60}");
                assert_eq!(refused.redirect_uri, REDIRECT);
                assert_eq!(refused.state.as_deref(), Some("st"));
            }
            other => panic!("{name}={value:.60}: {other:?}"),
        }
    }
}

#[test]
fn s5_5_claims_request_of_huge_size_is_refused() {
    let many: Vec<String> = (0..65).map(|rank| format!("\"c{rank}\":null")).collect();
    let many = format!("{{\"userinfo\":{{{}}}}}", many.join(","));
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(8 * 1024));
    let deep = format!("{}{}", "{\"a\":".repeat(50), "}".repeat(50));
    for claims in [many, long, deep] {
        assert!(judge(&[("claims", &claims)]).is_err(), "{claims:.40}");
    }
}

#[test]
fn s3_1_2_1_oauth_faults_come_first_and_stay_pages() {
    let pairs = [("client_id", "c1"), ("redirect_uri", "https://evil.example/cb"), ("prompt", "none login")];
    let params = RawParams::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(matches!(authentication_request(&params, &client()), Err(AuthorizeError::Page(_))));
}

#[test]
fn rfc6749_s3_1_parameter_sent_twice_is_refused() {
    for name in ["nonce", "prompt", "claims", "foo"] {
        assert!(judge(&[(name, "login"), (name, "login")]).is_err(), "{name}");
    }
}

#[test]
fn s5_5_claims_are_read_and_strangers_ignored() {
    let claims = r#"{
        "userinfo": {
            "given_name": {"essential": true}, "SubjectNameID": null,
            "http://example.info/claims/groups": {"purpose": "unknown member"}
        },
        "id_token": {
            "auth_time": {"essential": true, "value": 12},
            "acr": {"essential": true, "values": ["eidas3", "eidas2"]}
        },
        "verified_claims": 7
    }"#;
    let request = accepted(&[("claims", claims)]).claims;
    let essential = |values: &[&str]| ClaimSpec {
        essential: true,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    assert_eq!(request.userinfo.len(), 3);
    assert_eq!(request.userinfo["given_name"], essential(&[]));
    assert_eq!(request.userinfo["SubjectNameID"], ClaimSpec::default());
    assert_eq!(request.id_token["acr"], essential(&["eidas3", "eidas2"]));
    assert_eq!(request.id_token["auth_time"], essential(&["12"]));
}

#[test]
fn s3_1_2_1_malformed_languages_are_ignored() {
    let request = accepted(&[("ui_locales", "fr  <script> 12 e--n en-GB")]);
    assert_eq!(request.ui_locales, ["fr", "en-GB"]);
}

#[test]
fn request_survives_storage() {
    let request = accepted(&[
        ("login_hint", "899700427885"),
        ("prompt", "select_account"),
        ("claims", r#"{"id_token":{"acr":null}}"#),
    ]);
    let stored = serde_json::to_string(&request).unwrap();
    let read: AuthenticationRequest = serde_json::from_str(&stored).unwrap();
    assert_eq!(read.login_hint, request.login_hint);
    assert_eq!(read.id_token_hint, None);
    assert_eq!(read.prompt, request.prompt);
    assert_eq!(read.claims, request.claims);
    assert_eq!(read.oauth, request.oauth);
}

#[test]
fn identity_number_is_not_shown() {
    let shown = format!("{:?}", accepted(&[("login_hint", "899700427885")]));
    assert!(!shown.contains("899700427885"));
}
