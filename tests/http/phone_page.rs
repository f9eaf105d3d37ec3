//! The demonstration phone is served whole, under a policy that names the issuer and nothing else.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use sceau::demo::phone_page;
use tower::ServiceExt;

async fn fetch(path: &str) -> (StatusCode, String, String) {
    let router: Router = phone_page(&"http://localhost:4711/".parse().unwrap());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let policy = response.headers().get("content-security-policy");
    let policy = policy.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, policy, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn the_page_knows_its_issuer_and_may_speak_to_it_only() {
    let (status, policy, html) = fetch("/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("<meta name=\"issuer\" content=\"http://localhost:4711\">"), "{html}");
    assert!(!html.contains("{{"), "{html}");
    assert!(policy.contains("connect-src 'self' http://localhost:4711;"), "{policy}");
    assert!(policy.contains("script-src 'self';"), "{policy}");
}

#[tokio::test]
async fn everything_the_page_names_is_served() {
    let (_, _, html) = fetch("/").await;
    let named = html.split(['"', '\'']).filter(|word| word.starts_with('/') && word.contains('.'));
    let mut left: Vec<String> = named.map(str::to_owned).collect();
    let mut seen = Vec::new();
    while let Some(path) = left.pop() {
        if seen.contains(&path) {
            continue;
        }
        let (status, _, text) = fetch(&path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let imports = text.split('"').filter(|word| word.starts_with("./"));
        left.extend(imports.map(|word| word.trim_start_matches('.').to_owned()));
        seen.push(path);
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
}
