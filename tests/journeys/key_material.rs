//! What a service reads about this provider before it trusts a token: metadata and keys.

use http::Method;
use serde_json::json;

use crate::support::{CAMILLE, Harness, ISSUER, Service, bare};

const WELL_KNOWN: [&str; 3] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/wallet-openid-configuration",
];

#[tokio::test]
async fn metadata_is_the_same_at_every_address() {
    let harness = Harness::new().await;
    let mut seen = Vec::new();
    for path in WELL_KNOWN {
        let document = harness.get(path).await;
        assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
        assert_eq!(document.header("cache-control"), "public, max-age=600");
        assert_eq!(document.header("access-control-allow-origin"), "*");
        seen.push((document.text.clone(), document.header("etag").to_owned()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    let document = harness.get(WELL_KNOWN[0]).await.json();
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    for (name, path) in [
        ("authorization_endpoint", "/authorize"),
        ("token_endpoint", "/token"),
        ("userinfo_endpoint", "/userinfo"),
        ("jwks_uri", "/jwks"),
        ("pushed_authorization_request_endpoint", "/par"),
    ] {
        assert_eq!(document[name], format!("{ISSUER}{path}"));
        assert_ne!(harness.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_announced_is_what_is_done() {
    let harness = Harness::new().await;
    let document = harness.get(WELL_KNOWN[0]).await.json();
    let service = Service::oidc(&harness, "dossier").await;
    for mode in document["response_modes_supported"].as_array().unwrap() {
        let ask = service.ask().with("response_mode", mode.as_str().unwrap()).with("prompt", "none");
        let answer = harness.page_browser().get(&ask.url()).await;
        assert!(answer.text.contains("login_required") || answer.to_client().error() == "login_required");
    }
    assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256"]));
    for grant in document["grant_types_supported"].as_array().unwrap() {
        let refused = service.token(&[("grant_type", grant.as_str().unwrap())]).await;
        // Known, and registered for this service or not.
        let error = if grant == "client_credentials" { "unauthorized_client" } else { "invalid_request" };
        assert_eq!(refused.error(), (400, error.to_owned()), "{grant}");
    }
    let refused = service.token(&[("grant_type", "password")]).await;
    assert_eq!(refused.error().1, "unsupported_grant_type");
}

#[tokio::test]
async fn the_active_key_and_its_successor_are_published() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let published = harness.get("/jwks").await;
    assert_eq!((published.status, published.header("cache-control")), (200, "public, max-age=600"));
    let set = published.json();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "{set}");
    for key in keys {
        let members: Vec<&String> = key.as_object().unwrap().keys().collect();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_eq!((&key["alg"], &key["use"]), (&json!("ES256"), &json!("sig")));
    }
    assert_ne!(keys[0]["kid"], keys[1]["kid"]);
    let service = Service::oidc(&harness, "dossier").await;
    let answer = harness.page_browser().sign_in(&service.ask().url(), &mut phone, CAMILLE).await;
    let tokens = service.redeem(answer.code()).await;
    service.verified(&tokens.text_of("id_token")).await;
    let header = |token: &str| {
        let header = sceau::base::from_base64url(token.split('.').next().unwrap()).unwrap();
        serde_json::from_slice::<serde_json::Value>(&header).unwrap()
    };
    let (id, access) = (header(&tokens.text_of("id_token")), header(&tokens.text_of("access_token")));
    assert_eq!((&id["typ"], &access["typ"]), (&json!("JWT"), &json!("at+jwt")));
    assert_eq!(id["kid"], access["kid"], "the standby signs nothing");
}

#[tokio::test]
async fn a_copy_in_hand_is_confirmed_and_another_is_replaced() {
    let harness = Harness::new().await;
    for path in ["/jwks", WELL_KNOWN[0]] {
        let first = harness.get(path).await;
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
        // RFC 9110 13.1.2: weak comparison, lists, and any.
        for known in [etag.clone(), format!("W/{etag}"), format!("\"a\", {etag}"), String::from("*")] {
            let request = bare(&Method::GET, path, &[("if-none-match", &known)]);
            let same = harness.exchange(request).await;
            assert_eq!((same.status, same.text.as_str()), (304, ""), "{known}");
            assert_eq!(same.header("etag"), etag);
            assert_eq!(same.header("cache-control"), first.header("cache-control"));
        }
        let request = bare(&Method::GET, path, &[("if-none-match", "\"another\"")]);
        assert_eq!(harness.exchange(request).await.status, 200);
    }
}
