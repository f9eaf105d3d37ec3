//! `/mobile/v1` on the wire: bodies, headers, the description.

use std::path::Path;

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::support::{Caller, Harness, Reply, plain, send};

const CODES: &str = "/mobile/v1/enrolments/codes";

/// Posts a body as it is.
async fn post(harness: &Harness, media_type: Option<&str>, body: String) -> Reply {
    let mut request = Request::post(CODES).header("content-length", body.len());
    if let Some(media_type) = media_type {
        request = request.header("content-type", media_type);
    }
    send(&harness.router, request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn bodies_that_are_not_the_json_expected_are_refused_alike() {
    let harness = Harness::new().await;
    let bad = [
        "",
        "[]",
        "null",
        "{}",
        r#"{"national_id":12}"#,
        r#"{"national_id":"899700000013","more":1}"#,
        r#"{"national_id":"899700000013","national_id":"899700000021"}"#,
        r#"{"national_id":"899700000013"} {}"#,
        "\u{feff}{\"national_id\":\"899700000013\"}",
    ];
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in bad.iter().map(|body| (*body).to_owned()).chain([deep]) {
        let reply = post(&harness, Some("application/json"), body.clone()).await;
        assert_eq!(reply.refusal(), (400, "invalid_request"), "{body:.80}");
        assert_eq!(reply.body["error_description"], "the body is not the JSON expected here");
    }
    assert_eq!(harness.sent(), 0);
}

#[tokio::test]
async fn other_media_types_are_refused() {
    let harness = Harness::new().await;
    let body = || String::from(r#"{"national_id":"899700000013"}"#);
    for media_type in
        [None, Some("text/plain"), Some("application/jsonp"), Some("application/x-www-form-urlencoded")]
    {
        let reply = post(&harness, media_type, body()).await;
        assert_eq!(reply.refusal(), (415, "invalid_request"), "{media_type:?}");
    }
    assert_eq!(post(&harness, Some("Application/JSON; charset=utf-8"), body()).await.status, 202);
}

#[tokio::test]
async fn long_bodies_are_refused() {
    let harness = Harness::new().await;
    let of_length = |length: usize| {
        let frame = r#"{"national_id":""}"#.len();
        format!(r#"{{"national_id":"{}"}}"#, "8".repeat(length - frame))
    };
    let long = post(&harness, Some("application/json"), of_length(64 * 1024 + 1)).await;
    assert_eq!(long.refusal(), (413, "invalid_request"));
    assert_eq!(post(&harness, Some("application/json"), of_length(64 * 1024)).await.status, 202);
}

#[tokio::test]
async fn every_answer_carries_a_nonce_and_is_not_kept() {
    let harness = Harness::new().await;
    let caller = Caller::stranger(&harness);
    let none = plain(&harness, &Method::GET, "/mobile/v1/devices").await;
    let answers = [
        post(&harness, Some("application/json"), String::from(r#"{"national_id":"x"}"#)).await,
        post(&harness, None, String::new()).await,
        caller.get("/mobile/v1/devices").await,
        plain(&harness, &Method::GET, "/mobile/v1/nowhere").await,
        plain(&harness, &Method::GET, "/mobile/v1").await,
        plain(&harness, &Method::PUT, "/mobile/v1/devices").await,
        plain(&harness, &Method::GET, "/mobile/v1/openapi.json").await,
        none,
    ];
    for reply in answers {
        assert!(reply.header("dpop-nonce").is_some(), "{reply:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/json"), "{reply:?}");
    }
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_refused_in_the_same_form() {
    let harness = Harness::new().await;
    assert_eq!(plain(&harness, &Method::GET, "/mobile/v1/nowhere").await.refusal(), (404, "not_found"));
    let method = plain(&harness, &Method::PUT, "/mobile/v1/devices").await;
    assert_eq!(method.refusal(), (405, "invalid_request"));
    assert_eq!(method.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn only_the_listed_origin_may_call_from_a_web_view() {
    let harness = Harness::new().await;
    let preflight = |origin: &str| {
        let request = Request::options("/mobile/v1/devices")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "dpop");
        request.body(Body::empty()).unwrap()
    };
    let allowed = harness.router.clone().oneshot(preflight("https://app.example")).await.unwrap();
    let header = |name: &str| allowed.headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(header("access-control-allow-methods"), Some("GET,POST,DELETE"));
    assert_eq!(header("access-control-allow-headers"), Some("content-type,dpop"));
    assert_eq!(header("access-control-allow-credentials"), None);
    for foreign in ["https://app.example.evil", "http://app.example", "https://APP.example", "null", "*"] {
        let refused = harness.router.clone().oneshot(preflight(foreign)).await.unwrap();
        assert!(refused.headers().get("access-control-allow-origin").is_none(), "{foreign}");
    }
    let called = Request::get("/mobile/v1/devices").header("origin", "https://app.example");
    let reply = send(&harness.router, called.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.header("access-control-expose-headers"), Some("dpop-nonce,retry-after"));
}

/// `UPDATE_OPENAPI=1` writes the file instead.
#[tokio::test]
async fn the_description_kept_is_the_one_served() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mobile-openapi.json");
    let made = sceau::http::mobile::openapi_document();
    if std::env::vars().any(|(name, _)| name == "UPDATE_OPENAPI") {
        std::fs::write(&kept, &made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), made, "run again with UPDATE_OPENAPI=1");
    let harness = Harness::new().await;
    let request = Request::get("/mobile/v1/openapi.json").body(Body::empty()).unwrap();
    let served = harness.router.clone().oneshot(request).await.unwrap();
    assert_eq!(served.headers().get("content-type").unwrap(), "application/json");
    assert_eq!(served.into_body().collect().await.unwrap().to_bytes(), made.as_bytes());
}

#[test]
fn the_description_is_openapi_3_1_and_names_every_call() {
    let api: serde_json::Value = serde_json::from_str(&sceau::http::mobile::openapi_document()).unwrap();
    assert_eq!(api["openapi"], "3.1.0");
    let mut calls: Vec<String> = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            calls.push(format!("{method} {path}"));
            let proof = operation["security"][0].get("dpop").is_some();
            assert_eq!(proof, !path.ends_with("/codes"), "{method} {path}");
        }
    }
    calls.sort();
    assert_eq!(
        calls,
        [
            "delete /mobile/v1/devices/{id}",
            "get /mobile/v1/approvals",
            "get /mobile/v1/devices",
            "post /mobile/v1/approvals/{id}/challenge",
            "post /mobile/v1/approvals/{id}/claim",
            "post /mobile/v1/approvals/{id}/decision",
            "post /mobile/v1/enrolments",
            "post /mobile/v1/enrolments/codes",
            "post /mobile/v1/enrolments/{id}/credential",
        ]
    );
}
