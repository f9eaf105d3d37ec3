//! Proofs at the token endpoint and at userinfo (`security.md` 1.4, `attacks.md` 2.5).

use std::time::Duration;

use http::HeaderValue;
use serde_json::{Value, json};

use crate::support::{CAMILLE, DpopKey, Harness, PageBrowser, Proof, Service};

async fn code(browser: &mut PageBrowser, service: &Service<'_>) -> String {
    let url = service.pushed(&service.ask()).await;
    browser.answered(&url).await.code().to_owned()
}

async fn signed_in(harness: &Harness, service: &Service<'_>) -> PageBrowser {
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    let url = service.pushed(&service.ask()).await;
    browser.sign_in(&url, &mut phone, CAMILLE).await.code();
    browser
}

async fn nonce(harness: &Harness, service: &Service<'_>) -> String {
    let proof = service.dpop.as_ref().unwrap().for_token(harness, None);
    let first =
        harness.exchange(service.authenticated("/token", &service.redemption("x"), Some(&proof))).await;
    first.header("dpop-nonce").to_owned()
}

/// A good proof with one member changed; none of them costs the code.
#[tokio::test]
async fn a_proof_that_says_something_else_is_refused_and_the_code_is_kept() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let mut browser = signed_in(&harness, &service).await;
    let code = code(&mut browser, &service).await;
    let key = service.dpop.as_ref().unwrap();
    let nonce = nonce(&harness, &service).await;
    let stranger = DpopKey::generate().draft(&harness, "POST", "/token").header["jwk"].clone();
    let mut private = key.draft(&harness, "POST", "/token").header["jwk"].clone();
    private["d"] = json!("AAAA");
    let now = harness.provider.now().secs();
    let table: [(bool, &str, Value); 23] = [
        (true, "typ", Value::Null),
        (true, "typ", json!("JWT")),
        (true, "typ", json!("at+jwt")),
        (true, "alg", json!("none")),
        (true, "alg", json!("HS256")),
        (true, "alg", json!("RS256")),
        (true, "jwk", Value::Null),
        (true, "jwk", stranger),
        (true, "jwk", private),
        (true, "jwk", json!({ "kty": "oct", "k": "AAAA" })),
        (true, "crit", json!(["x"])),
        (false, "htm", json!("GET")),
        (false, "htm", Value::Null),
        (false, "htu", json!("https://sceau.example/par")),
        (false, "htu", json!("https://evil.example/token")),
        (false, "htu", Value::Null),
        (false, "iat", Value::Null),
        (false, "iat", json!(now - 3600)),
        (false, "iat", json!(now + 3600)),
        (false, "iat", json!("1800000000")),
        (false, "iat", json!(-1)),
        (false, "jti", Value::Null),
        (false, "jti", json!("")),
    ];
    for (in_header, name, value) in table {
        let mut proof = key.draft(&harness, "POST", "/token");
        proof.claims["nonce"] = json!(nonce);
        let part = if in_header { &mut proof.header } else { &mut proof.claims };
        if value.is_null() {
            part.as_object_mut().unwrap().remove(name);
        } else {
            part[name] = value.clone();
        }
        let proof = key.sign(&proof);
        let request = service.authenticated("/token", &service.redemption(&code), Some(&proof));
        let refused = harness.exchange(request).await;
        assert_eq!(refused.error(), (400, String::from("invalid_dpop_proof")), "{name} {value}");
        assert!(!refused.header("dpop-nonce").is_empty());
    }
    service.redeem(&code).await;
}

/// DP-01, A-063.
#[tokio::test]
async fn exactly_one_proof() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let nonce = nonce(&harness, &service).await;
    let good = || service.dpop.as_ref().unwrap().for_token(&harness, Some(&nonce));
    let request = |proof: &str| service.authenticated("/token", &service.redemption("x"), Some(proof));
    let mut refused = Vec::new();
    for proof in
        [format!("{},{}", good(), good()), good().to_uppercase(), String::from("x"), "A".repeat(65536)]
    {
        refused.push(harness.exchange(request(&proof)).await);
    }
    let mut twice = request(&good());
    twice.headers_mut().append("dpop", HeaderValue::try_from(good()).unwrap());
    refused.push(harness.exchange(twice).await);
    let mut opaque = request("x");
    opaque.headers_mut().insert("dpop", HeaderValue::from_bytes(b"\xff").unwrap());
    refused.push(harness.exchange(opaque).await);
    refused.push(harness.exchange(service.authenticated("/token", &service.redemption("x"), None)).await);
    for answer in refused {
        assert_eq!(answer.error(), (400, String::from("invalid_dpop_proof")));
    }
}

/// DP-04, DP-05, DP-06.
#[tokio::test]
async fn what_a_proof_may_differ_in_and_that_it_is_good_once() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let key = service.dpop.as_ref().unwrap();
    let nonce = nonce(&harness, &service).await;
    let now = harness.provider.now().secs();
    let changes: [(&str, Value); 6] = [
        ("htu", json!("https://sceau.example/token?x=1")),
        ("htu", json!("https://SCEAU.example:443/token")),
        ("iat", json!(now - 10)),
        ("iat", json!(now + 10)),
        ("jti", json!("j".repeat(64))),
        ("extra", json!({ "a": 1 })),
    ];
    for (name, value) in changes {
        let mut proof = key.draft(&harness, "POST", "/token");
        proof.claims["nonce"] = json!(nonce);
        proof.claims[name] = value.clone();
        let proof = key.sign(&proof);
        let request = || service.authenticated("/token", &service.redemption("x"), Some(&proof));
        assert_eq!(harness.exchange(request()).await.error().1, "invalid_grant", "{name} {value}");
        let again = harness.exchange(request()).await;
        assert_eq!(again.error().1, "invalid_dpop_proof", "{name} {value} was good twice");
    }
}

/// DP-11, A-071.
#[tokio::test]
async fn a_nonce_is_ours_recent_and_of_this_kind_of_endpoint() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let key = service.dpop.as_ref().unwrap();
    let fresh = nonce(&harness, &service).await;
    let phones = harness.get("/mobile/v1/openapi.json").await.header("dpop-nonce").to_owned();
    assert!(!phones.is_empty());
    let middle = fresh.len() / 2;
    let flipped = if &fresh[middle..=middle] == "A" { "B" } else { "A" };
    let forged = format!("{}{flipped}{}", &fresh[..middle], &fresh[middle + 1..]);
    let call = async |nonce: &str| {
        let proof = key.for_token(&harness, Some(nonce));
        harness.exchange(service.authenticated("/token", &service.redemption("x"), Some(&proof))).await
    };
    for bad in ["", "x", &phones, &forged, &fresh[1..]] {
        let refused = call(bad).await;
        assert_eq!(refused.error(), (400, String::from("use_dpop_nonce")), "{bad}");
        assert!(!refused.header("dpop-nonce").is_empty());
    }
    assert_eq!(call(&fresh).await.error().1, "invalid_grant");
    harness.clock.advance(Duration::from_hours(1));
    assert_eq!(call(&fresh).await.error().1, "use_dpop_nonce");
}

/// DP-07, DP-08, AT-06.
#[tokio::test]
async fn a_bound_token_needs_its_key_at_userinfo() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let mut browser = signed_in(&harness, &service).await;
    let code = code(&mut browser, &service).await;
    let token = service.redeem(&code).await.text_of("access_token");
    let key = service.dpop.as_ref().unwrap();
    let bearer = harness.userinfo(&format!("Bearer {token}"), None).await;
    assert_eq!(bearer.error(), (401, String::from("invalid_token")));
    assert!(bearer.header("www-authenticate").starts_with("Bearer "), "{:?}", bearer.headers);
    let scheme = format!("DPoP {token}");
    let first = harness.userinfo(&scheme, Some(&key.for_userinfo(&harness, &token, None))).await;
    assert_eq!(first.error(), (401, String::from("use_dpop_nonce")));
    assert!(first.header("www-authenticate").starts_with("DPoP "), "{:?}", first.headers);
    let nonce = first.header("dpop-nonce").to_owned();
    let of_tokens = self::nonce(&harness, &service).await;
    let with_nonce = |mut proof: Proof| {
        proof.claims["nonce"] = json!(nonce);
        proof
    };
    let without_ath = key.sign(&with_nonce(key.draft(&harness, "GET", "/userinfo")));
    let by_post = key.sign(&with_nonce(key.draft(&harness, "POST", "/userinfo")));
    let other = DpopKey::generate().for_userinfo(&harness, &token, Some(&nonce));
    let other_ath = key.for_userinfo(&harness, "another-token", Some(&nonce));
    let elsewhere = key.for_userinfo(&harness, &token, Some(&of_tokens));
    let table = [
        (Some(without_ath), "invalid_dpop_proof"),
        (Some(by_post), "invalid_dpop_proof"),
        (Some(other_ath), "invalid_dpop_proof"),
        (Some(elsewhere), "use_dpop_nonce"),
        (Some(other), "invalid_token"),
        (None, "invalid_dpop_proof"),
    ];
    for (proof, expected) in table {
        let refused = harness.userinfo(&scheme, proof.as_deref()).await;
        assert_eq!(refused.error(), (401, expected.to_owned()));
        let challenge = refused.header("www-authenticate");
        assert!(challenge.starts_with("DPoP ") && challenge.contains("algs="), "{challenge}");
    }
    for scheme in ["DPoP", "dpop", "DPOP"] {
        let proof = key.for_userinfo(&harness, &token, Some(&nonce));
        assert_eq!(harness.userinfo(&format!("{scheme} {token}"), Some(&proof)).await.status, 200);
        let replayed = harness.userinfo(&format!("{scheme} {token}"), Some(&proof)).await;
        assert_eq!(replayed.error(), (401, String::from("invalid_dpop_proof")));
    }
}
