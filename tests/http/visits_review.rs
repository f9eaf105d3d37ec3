//! Requests that nobody sees the answer of, cookies that end, and answers that were cut short.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use sceau::flow::Turn;
use sceau::http::{AppState, HttpLimits, router};
use tower::ServiceExt as _;

use crate::support::{CAMILLE, Harness, REDIRECT_URI, Waiting};

async fn send(router: &Router, request: http::request::Builder) -> Response<Body> {
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// Posts a body that never ends.
async fn dawdling(router: &Router, path: &str, kind: &str) -> Response<Body> {
    let body = Body::new(Endless);
    let request = Request::post(path).header("content-type", kind).body(body).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

struct Endless;

impl hyper::body::Body for Endless {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn cookie(waiting: &Waiting) -> String {
    let value = waiting.browser.interaction.as_ref().unwrap().expose();
    format!("__Host-sceau-i-{}={value}", waiting.id.uuid().simple())
}

#[tokio::test]
async fn a_page_fetched_before_anybody_goes_there_takes_no_step() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    phone.approve(None, Some(&waiting.number)).await.unwrap();
    let page = format!("/interaction/{}", waiting.id);
    let unseen = [
        Request::head(&page),
        Request::get(&page).header("sec-purpose", "prefetch"),
        Request::get(&page).header("sec-purpose", "prefetch;prerender"),
        Request::get(&page).header("purpose", "prefetch"),
    ];
    for request in unseen {
        let response = send(&harness.router, request.header("cookie", cookie(&waiting))).await;
        assert_eq!((response.status().as_u16(), header(&response, "cache-control")), (503, "no-store"));
    }
    assert!(matches!(harness.resume(&waiting).await, Turn::Answer(_)), "the login is where it was");
}

#[tokio::test]
async fn the_cookie_of_an_interaction_ends_with_it() {
    let harness = Harness::new().await;
    let _waiting = harness.sign_in(CAMILLE).await;
    let query = format!(
        "/authorize?client_id=dossier-patient&response_type=code&scope=openid&redirect_uri={REDIRECT_URI}"
    );
    let response = send(&harness.router, Request::get(&query)).await;
    let set = header(&response, "set-cookie");
    assert!(set.starts_with("__Host-sceau-i-") && set.ends_with("; Max-Age=900"), "{set}");
}

#[tokio::test]
async fn a_sign_in_leaves_a_cookie_that_says_nothing_and_lasts() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let waiting = harness.sign_in(CAMILLE).await;
    phone.approve(None, Some(&waiting.number)).await.unwrap();
    let page = Request::get(format!("/interaction/{}", waiting.id)).header("cookie", cookie(&waiting));
    let response = send(&harness.router, page).await;
    assert_eq!(response.status(), 303);
    let lines: Vec<_> =
        response.headers().get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    let known: Vec<_> = lines.iter().filter(|line| line.starts_with("__Host-sceau-known=")).collect();
    assert_eq!(known.len(), 1, "{lines:?}");
    assert!(known[0].contains("HttpOnly") && known[0].contains("Secure"), "{known:?}");
    assert!(known[0].ends_with("; Max-Age=15552000"), "{known:?}");
    assert!(!known[0].contains(CAMILLE));
}

#[tokio::test]
async fn what_takes_too_long_is_answered_in_the_form_of_its_endpoint() {
    let harness = Harness::new().await;
    let state = AppState {
        provider: Arc::clone(&harness.provider),
        trusted_proxies: Arc::new([]),
        leaving: sceau::http::Leaving::default(),
        mobile_origins: Arc::new([]),
    };
    let hurried = router(state, &HttpLimits { request: Duration::from_millis(50), ..HttpLimits::default() });
    let form = "application/x-www-form-urlencoded";
    let services = ["/token", "/par", "/userinfo"].map(|path| (path, form));
    for (path, kind) in services.into_iter().chain([("/mobile/v1/enrolments/codes", "application/json")]) {
        let response = dawdling(&hurried, path, kind).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "content-type")),
            (503, "application/json")
        );
        assert_eq!((header(&response, "retry-after"), header(&response, "cache-control")), ("2", "no-store"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"], "temporarily_unavailable", "{path}");
    }
    let page = dawdling(&hurried, "/authorize", form).await;
    assert_eq!((page.status().as_u16(), header(&page, "content-type")), (503, "text/html; charset=utf-8"));
    assert_eq!(header(&page, "x-frame-options"), "DENY");
}
