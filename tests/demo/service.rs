//! The sample service as a relying party: what it asks, and what it does not believe.

use std::collections::HashMap;

use reqwest::header::{LOCATION, SET_COOKIE};
use sceau::demo::Showcase;
use url::Url;

use super::visited;

fn browser() -> reqwest::Client {
    reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn begin(http: &reqwest::Client, showcase: &Showcase) -> (Url, HashMap<String, String>) {
    let answer = http.get(format!("{}/login", showcase.addresses.service)).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("dossier-session=") && cookie.contains("HttpOnly"), "{cookie}");
    assert!(cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    let address: Url = answer.headers()[LOCATION].to_str().unwrap().parse().unwrap();
    let query = address.query_pairs().into_owned().collect();
    (address, query)
}

/// What the page says after an answer came back.
async fn come_back(http: &reqwest::Client, showcase: &Showcase, answer: &[(&str, &str)]) -> String {
    let service = &showcase.addresses.service;
    let callback = Url::parse_with_params(&format!("{service}/callback"), answer).unwrap();
    let moved = http.get(callback).send().await.unwrap();
    assert_eq!((moved.status().as_u16(), moved.headers()[LOCATION].to_str().unwrap()), (303, "/"));
    page(http, showcase).await
}

async fn page(http: &reqwest::Client, showcase: &Showcase) -> String {
    let page = http.get(&showcase.addresses.service).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    page.text().await.unwrap()
}

fn error(code: &str) -> String {
    format!("<code id=\"login-error\">{code}</code>")
}

#[tokio::test]
async fn a_login_asks_with_pkce_state_and_nonce() {
    visited(None, async |showcase| {
        let (address, query) = begin(&browser(), &showcase).await;
        assert_eq!(address.origin().ascii_serialization(), showcase.addresses.issuer);
        assert_eq!(address.path(), "/authorize");
        assert_eq!(query["client_id"], "dossier-patient");
        assert_eq!(query["redirect_uri"], format!("{}/callback", showcase.addresses.service));
        assert_eq!((query["scope"].as_str(), query["response_type"].as_str()), ("openid scope_all", "code"));
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(query["state"].len() >= 20 && query["nonce"].len() >= 20, "{query:?}");
        let (_, again) = begin(&browser(), &showcase).await;
        for fresh in ["state", "nonce", "code_challenge"] {
            assert_ne!(query[fresh], again[fresh], "{fresh}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_to_no_question_is_not_believed() {
    visited(None, async |showcase| {
        let issuer = showcase.addresses.issuer.as_str();
        let http = browser();
        let alien = come_back(&http, &showcase, &[("code", "c"), ("state", "s"), ("iss", issuer)]).await;
        assert!(alien.contains(&error("unexpected_answer")), "{alien}");
        let elsewhere = [("state", "another", issuer), ("iss", "", "http://localhost:1")];
        for (what, state, iss) in elsewhere {
            let (_, query) = begin(&http, &showcase).await;
            let state = if state.is_empty() { query["state"].as_str() } else { state };
            let page = come_back(&http, &showcase, &[("code", "c"), ("state", state), ("iss", iss)]).await;
            assert!(page.contains(&error("unexpected_answer")), "{what}: {page}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_shown_once_for_one_question() {
    visited(None, async |showcase| {
        let issuer = showcase.addresses.issuer.as_str();
        let http = browser();
        let (_, query) = begin(&http, &showcase).await;
        let answer = [("error", "access_denied"), ("state", &query["state"]), ("iss", issuer)];
        let refused = come_back(&http, &showcase, &answer).await;
        assert!(refused.contains(&error("access_denied")) && refused.contains("id=\"login\""), "{refused}");
        let replayed = come_back(&http, &showcase, &answer).await;
        assert!(replayed.contains(&error("unexpected_answer")), "{replayed}");
    })
    .await;
}

#[tokio::test]
async fn a_code_of_nobody_signs_nobody_in() {
    visited(None, async |showcase| {
        let issuer = showcase.addresses.issuer.as_str();
        let http = browser();
        let (_, query) = begin(&http, &showcase).await;
        let answer = [("code", "invented"), ("state", query["state"].as_str()), ("iss", issuer)];
        let page = come_back(&http, &showcase, &answer).await;
        assert!(page.contains(&error("provider_unusable")) && !page.contains("signed-in"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn what_the_provider_says_is_not_markup() {
    visited(None, async |showcase| {
        let issuer = showcase.addresses.issuer.as_str();
        let http = browser();
        let (_, query) = begin(&http, &showcase).await;
        let answer = [("error", "<script>"), ("state", query["state"].as_str()), ("iss", issuer)];
        let page = come_back(&http, &showcase, &answer).await;
        assert!(!page.contains("<script") && page.contains("script&#62;"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn the_phone_page_knows_the_persons() {
    visited(None, async |showcase| {
        let address = format!("{}/demo/persons.json", showcase.addresses.phone);
        let answer = browser().get(address).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let persons: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(persons, showcase.desk.to_json());
        assert!(persons.as_array().unwrap().len() > 30);
    })
    .await;
}
