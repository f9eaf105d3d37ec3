//! RFC 6749 3.2, 4.1.3, 4.4.2, 5.1, 5.2 and 6; RFC 7636 4.6; RFC 9700 4.8.2; RFC 9449 10.

use sceau::base::{ClientId, Secret};
use sceau::jose::Thumbprint;
use sceau::oauth::{
    CodeBinding, CodeChallenge, CodePresented, ErrorCode, OAuthError, RawParams, ScopeSet, TokenRequest,
    TokenResponse, TokenType, judge_code, token_request,
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDIRECT: &str = "https://rp.example/cb";

fn read(form: &str) -> Result<TokenRequest, OAuthError> {
    token_request(&RawParams::parse(form.as_bytes()).unwrap())
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[test]
fn s4_1_3_a_code_request_is_read() {
    let request =
        read("grant_type=authorization_code&code=c&redirect_uri=https://rp.example/cb&code_verifier=v");
    let expected = TokenRequest::Code {
        code: secret("c"),
        redirect_uri: Some(REDIRECT.to_owned()),
        code_verifier: Some(secret("v")),
    };
    assert_eq!(request.unwrap(), expected);
}

#[test]
fn s6_a_refresh_request_is_read() {
    let scope = ScopeSet::parse("openid").unwrap();
    let expected = TokenRequest::Refresh { refresh_token: secret("r"), scope: Some(scope) };
    assert_eq!(read("grant_type=refresh_token&refresh_token=r&scope=openid").unwrap(), expected);
    let expected = TokenRequest::Refresh { refresh_token: secret("r"), scope: None };
    assert_eq!(read("grant_type=refresh_token&refresh_token=r&scope=").unwrap(), expected);
}

#[test]
fn s4_4_2_a_client_credentials_request_is_read() {
    let expected = TokenRequest::ClientCredentials { scope: None };
    assert_eq!(read("grant_type=client_credentials").unwrap(), expected);
}

#[test]
fn s5_2_a_bad_request_has_its_code() {
    use ErrorCode as E;
    let table = [
        ("", E::InvalidRequest),
        ("code=c", E::InvalidRequest),
        ("grant_type=authorization_code", E::InvalidRequest),
        ("grant_type=authorization_code&code=", E::InvalidRequest),
        ("grant_type=refresh_token", E::InvalidRequest),
        ("grant_type=authorization_code&code=c&code=c", E::InvalidRequest),
        ("grant_type=authorization_code&code=c&foo=1&foo=2", E::InvalidRequest),
        ("grant_type=password&username=u&password=p", E::UnsupportedGrantType),
        ("grant_type=implicit", E::UnsupportedGrantType),
        ("grant_type=Authorization_Code&code=c", E::UnsupportedGrantType),
        ("grant_type=refresh_token&refresh_token=r&scope=%22", E::InvalidScope),
        ("grant_type=client_credentials&resource=https://api.example", E::InvalidTarget),
        ("grant_type=client_credentials&resource=a&resource=b", E::InvalidTarget),
    ];
    for (form, code) in table {
        assert_eq!(read(form).unwrap_err().code, code, "{form}");
    }
}

#[test]
fn secrets_are_not_shown_by_debug() {
    let request = read("grant_type=authorization_code&code=topsecret&code_verifier=topsecret").unwrap();
    assert!(!format!("{request:?}").contains("topsecret"));
}

fn binding() -> CodeBinding {
    CodeBinding {
        client_id: "rp-1".parse().unwrap(),
        redirect_uri: REDIRECT.to_owned(),
        redirect_uri_sent: true,
        code_challenge: Some(CodeChallenge::of(VERIFIER).unwrap()),
        dpop_jkt: Some(key(1)),
    }
}

fn key(byte: u8) -> Thumbprint {
    Thumbprint::from_bytes([byte; 32])
}

/// What is presented with a code; each test changes one field.
struct Attempt {
    client: &'static str,
    redirect_uri: Option<&'static str>,
    verifier: Option<&'static str>,
    key: Option<Thumbprint>,
}

const GOOD: Attempt = Attempt {
    client: "rp-1",
    redirect_uri: Some(REDIRECT),
    verifier: Some(VERIFIER),
    key: Some(Thumbprint::from_bytes([1; 32])),
};

fn judge(binding: &CodeBinding, attempt: &Attempt) -> Result<(), OAuthError> {
    let client: ClientId = attempt.client.parse().unwrap();
    let verifier = attempt.verifier.map(secret);
    let presented = CodePresented { redirect_uri: attempt.redirect_uri, code_verifier: verifier.as_ref() };
    judge_code(binding, &client, presented, attempt.key)
}

fn reason(binding: &CodeBinding, attempt: &Attempt) -> String {
    let error = judge(binding, attempt).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidGrant);
    error.internal
}

#[test]
fn s4_1_3_a_code_is_redeemed_by_its_client() {
    assert_eq!(judge(&binding(), &GOOD), Ok(()));
}

#[test]
fn s4_1_3_the_code_of_another_client_is_invalid_grant() {
    assert_eq!(reason(&binding(), &Attempt { client: "rp-2", ..GOOD }), "code of another client");
}

#[test]
fn s4_1_3_the_redirect_uri_must_be_repeated() {
    let other = Attempt { redirect_uri: Some("https://rp.example/cb/"), ..GOOD };
    assert_eq!(reason(&binding(), &other), "redirect_uri differs");
    let absent = Attempt { redirect_uri: None, ..GOOD };
    assert_eq!(reason(&binding(), &absent), "redirect_uri missing");
    let unsent = CodeBinding { redirect_uri_sent: false, ..binding() };
    assert_eq!(judge(&unsent, &absent), Ok(()));
    assert_eq!(reason(&unsent, &other), "redirect_uri differs");
}

#[test]
fn rfc7636_s4_6_a_wrong_or_missing_verifier_is_invalid_grant() {
    let table = [
        (None, "code_verifier missing"),
        (Some("too-short"), "malformed code_verifier"),
        (Some("aBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "wrong code_verifier"),
    ];
    for (verifier, internal) in table {
        assert_eq!(reason(&binding(), &Attempt { verifier, ..GOOD }), internal);
    }
}

#[test]
fn rfc9700_s4_8_2_a_verifier_without_challenge_is_invalid_grant() {
    let without = CodeBinding { code_challenge: None, ..binding() };
    assert_eq!(reason(&without, &GOOD), "code_verifier without code_challenge");
    assert_eq!(judge(&without, &Attempt { verifier: None, ..GOOD }), Ok(()));
}

#[test]
fn rfc9449_s10_the_proof_is_by_the_announced_key() {
    let internal = "proof key is not the one of dpop_jkt";
    assert_eq!(reason(&binding(), &Attempt { key: Some(key(2)), ..GOOD }), internal);
    assert_eq!(reason(&binding(), &Attempt { key: None, ..GOOD }), internal);
    let free = CodeBinding { dpop_jkt: None, ..binding() };
    assert_eq!(judge(&free, &Attempt { key: Some(key(2)), ..GOOD }), Ok(()));
}

#[test]
fn s5_1_the_answer_has_the_members_there_are() {
    let mut answer = TokenResponse {
        access_token: secret("at"),
        token_type: TokenType::Bearer,
        expires_in: 300,
        refresh_token: None,
        refresh_expires_in: None,
        id_token: None,
        scope: ScopeSet::parse("openid").unwrap(),
    };
    let bare = serde_json::json!({
        "access_token": "at", "token_type": "Bearer", "expires_in": 300, "scope": "openid",
    });
    assert_eq!(answer.to_json(), bare);

    answer.token_type = TokenType::Dpop;
    answer.refresh_token = Some(secret("rt"));
    answer.refresh_expires_in = Some(1800);
    answer.id_token = Some(secret("id"));
    let full = serde_json::json!({
        "access_token": "at", "token_type": "DPoP", "expires_in": 300, "scope": "openid",
        "refresh_token": "rt", "refresh_expires_in": 1800, "id_token": "id",
    });
    assert_eq!(answer.to_json(), full);
    assert!(!format!("{answer:?}").contains("rt\""));
}
