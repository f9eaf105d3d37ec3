//! What the simulated FranceConnect refuses: each request is a good one with one thing changed.

use std::collections::BTreeMap;

use reqwest::Client;
use sceau::base::{base64url, from_base64url, sha256};
use sceau::demo::Showcase;
use serde_json::Value;
use url::Url;

use super::visited;
use super::visitor::Visitor;

const VERIFIER: &str = "verifier-verifier-verifier-verifier-verifier";
const CLIENT: &str = "sceau-demonstration";

fn at(showcase: &Showcase, path: &str) -> String {
    format!("{}/api/v2{path}", showcase.addresses.franceconnect)
}

fn redirect_uri(showcase: &Showcase) -> String {
    format!("{}/federation/franceconnect/callback", showcase.addresses.issuer)
}

/// A good request, with these parameters changed; an empty one is left out.
fn authorize(showcase: &Showcase, changes: &[(&str, &str)]) -> String {
    let challenge = base64url(sha256(&[VERIFIER.as_bytes()]));
    let mut parameters = BTreeMap::from([
        ("client_id", CLIENT.to_owned()),
        ("redirect_uri", redirect_uri(showcase)),
        ("response_type", String::from("code")),
        ("scope", String::from("openid identite_pivot")),
        ("acr_values", String::from("eidas2")),
        ("state", "s".repeat(64)),
        ("nonce", "n".repeat(64)),
        ("code_challenge", challenge),
        ("code_challenge_method", String::from("S256")),
    ]);
    parameters.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
    parameters.retain(|_, value| !value.is_empty());
    Url::parse_with_params(&at(showcase, "/authorize"), parameters).unwrap().into()
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_is_a_page_and_never_a_redirection() {
    visited(None, async |showcase| {
        let visitor = Visitor::new();
        assert_eq!(visitor.once(&authorize(&showcase, &[])).await.status(), 200, "the good one");
        let elsewhere = format!("{}x", redirect_uri(&showcase));
        let short = "x".repeat(31);
        let table = [
            (("client_id", "another"), "Y04EA6EF"),
            (("client_id", ""), "Y030007"),
            (("redirect_uri", elsewhere.as_str()), "Y04C013C"),
            (("redirect_uri", ""), "Y030007"),
            (("state", ""), "Y030007"),
            (("state", short.as_str()), "Y030007"),
            (("nonce", ""), "Y030007"),
            (("nonce", short.as_str()), "Y030007"),
            (("acr_values", ""), "Y030007"),
            (("response_type", ""), "Y030007"),
            (("scope", ""), "Y030007"),
            (("prompt", "none"), "Y030007"),
        ];
        for (change, code) in table {
            let page = visitor.open(&authorize(&showcase, &[change])).await;
            assert_eq!((page.status, page.at("error-code")), (400, code), "{change:?}");
            assert_eq!(page.way.len(), 1, "{change:?}");
        }
        let twice = format!("{}&state=again", authorize(&showcase, &[]));
        assert_eq!(visitor.open(&twice).await.at("error-code"), "Y030007");
    })
    .await;
}

#[tokio::test]
async fn other_faults_go_back_to_the_client_with_state_and_issuer() {
    visited(None, async |showcase| {
        let table = [
            (("response_type", "token"), "unsupported_response_type"),
            (("scope", "identite_pivot"), "invalid_request"),
            (("acr_values", "eidas1"), "invalid_acr"),
            (("code_challenge_method", "plain"), "invalid_request"),
            (("code_challenge_method", ""), "invalid_request"),
            (("claims", "{"), "invalid_request"),
        ];
        for (change, error) in table {
            let answer = Visitor::new().once(&authorize(&showcase, &[change])).await;
            assert_eq!(answer.status(), 303, "{change:?}");
            let back: Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
            assert!(back.as_str().starts_with(&redirect_uri(&showcase)), "{back}");
            let said: BTreeMap<_, _> = back.query_pairs().into_owned().collect();
            assert_eq!((said["error"].as_str(), said["state"].as_str()), (error, "s".repeat(64).as_str()));
            assert_eq!(said["iss"], at(&showcase, ""));
        }
    })
    .await;
}

/// A code for the first person.
async fn code(showcase: &Showcase, changes: &[(&str, &str)]) -> String {
    let page = Visitor::new().open(&authorize(showcase, changes)).await;
    let action = page.between("method=\"post\" action=\"", "\"").unwrap();
    let action = page.address().join(action).unwrap();
    let http = client();
    let answer = http.post(action).form(&[("identity", "demo-1")]).send().await.unwrap();
    let back: Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
    let found = back.query_pairs().find(|(name, _)| name == "code");
    found.unwrap_or_else(|| panic!("no code in {back}")).1.into_owned()
}

/// A good token request, with one parameter changed; an empty one is left out.
async fn redeem(showcase: &Showcase, code: &str, change: (&str, &str)) -> (u16, Value) {
    let (secret, redirect_uri) = (showcase.franceconnect_secret.expose(), redirect_uri(showcase));
    let mut form = BTreeMap::from([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri.as_str()),
        ("client_id", CLIENT),
        ("client_secret", secret),
        ("code_verifier", VERIFIER),
    ]);
    form.insert(change.0, change.1);
    form.retain(|_, value| !value.is_empty());
    let answer = client().post(at(showcase, "/token")).form(&form).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_code_is_worth_something_once_to_its_client_with_its_verifier() {
    visited(None, async |showcase| {
        let table = [
            (("code_verifier", "another-verifier-another-verifier-another-ve"), 400, "invalid_grant"),
            (("code_verifier", ""), 400, "invalid_grant"),
            (("redirect_uri", "http://localhost:9/callback"), 400, "invalid_grant"),
            (("code", "invented"), 400, "invalid_grant"),
            (("client_secret", "another"), 401, "invalid_client"),
            (("client_secret", ""), 401, "invalid_client"),
            (("client_id", "another"), 401, "invalid_client"),
            (("grant_type", "refresh_token"), 400, "unsupported_grant_type"),
        ];
        for (change, status, error) in table {
            let code = code(&showcase, &[]).await;
            let (answered, body) = redeem(&showcase, &code, change).await;
            assert_eq!((answered, &body["error"]), (status, &Value::from(error)), "{change:?}");
        }
        // RFC 9700 4.8.2: a verifier where there was no challenge.
        let bare = code(&showcase, &[("code_challenge", ""), ("code_challenge_method", "")]).await;
        assert_eq!(redeem(&showcase, &bare, ("grant_type", "authorization_code")).await.0, 400);

        let code = code(&showcase, &[]).await;
        let good = ("grant_type", "authorization_code");
        let (status, tokens) = redeem(&showcase, &code, good).await;
        assert_eq!((status, tokens["expires_in"].as_u64()), (200, Some(60)));
        let access_token = tokens["access_token"].as_str().unwrap();
        assert_eq!(userinfo(&showcase, access_token).await.0, 200);
        // RFC 6749 4.1.2: twice, and what it gave is over.
        let (status, body) = redeem(&showcase, &code, good).await;
        assert_eq!((status, &body["error"]), (400, &Value::from("invalid_grant")));
        assert_eq!(userinfo(&showcase, access_token).await.0, 401);
    })
    .await;
}

async fn userinfo(showcase: &Showcase, access_token: &str) -> (u16, Option<String>, String) {
    let asked = client().get(at(showcase, "/userinfo")).bearer_auth(access_token);
    let answer = asked.send().await.unwrap();
    let kind = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), kind, answer.text().await.unwrap())
}

#[tokio::test]
async fn tokens_are_encrypted_to_the_bridge_alone() {
    visited(None, async |showcase| {
        let code = code(&showcase, &[]).await;
        let (_, tokens) = redeem(&showcase, &code, ("code", &code)).await;
        let told = userinfo(&showcase, tokens["access_token"].as_str().unwrap()).await;
        assert_eq!((told.0, told.1.as_deref()), (200, Some("application/jwt")));
        for token in [tokens["id_token"].as_str().unwrap(), &told.2] {
            assert_eq!(token.matches('.').count(), 4, "{token}");
            let header = from_base64url(token.split('.').next().unwrap()).unwrap();
            let header: Value = serde_json::from_slice(&header).unwrap();
            assert_eq!((&header["alg"], &header["enc"]), (&"ECDH-ES".into(), &"A256GCM".into()));
            assert_eq!(header["cty"], "JWT");
        }
        assert_eq!(userinfo(&showcase, "invented").await.0, 401);
    })
    .await;
}

#[tokio::test]
async fn a_logout_without_a_hint_of_its_own_goes_nowhere() {
    visited(None, async |showcase| {
        let back = format!("{}/federation/franceconnect/logged_out", showcase.addresses.issuer);
        for hint in ["", "a.b.c"] {
            let query =
                [("id_token_hint", hint), ("post_logout_redirect_uri", back.as_str()), ("state", "s")];
            let address = Url::parse_with_params(&at(&showcase, "/session/end"), query).unwrap();
            let page = Visitor::new().open(address.as_str()).await;
            assert_eq!((page.status, page.at("error-code"), page.way.len()), (400, "100019", 1));
        }
    })
    .await;
}

fn client() -> Client {
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
