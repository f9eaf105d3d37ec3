//! Too many at once, too many from one source, and a process that is about to end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use sceau::base::UnixTime;
use sceau::http::{AppState, HttpLimits, Leaving, router};
use sceau::ports::{PortResult, Ports, Throttle, ThrottleRule};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::support::{CAMILLE, Harness, Waiting, bare, exchange, form};

/// Keeps every request that counts attempts until permits are added.
struct Closed(Arc<Semaphore>);

#[async_trait]
impl Throttle for Closed {
    async fn hit(&self, _: ThrottleRule, _: &[u8], _: UnixTime) -> PortResult<bool> {
        self.0.acquire().await.unwrap().forget();
        Ok(true)
    }

    async fn allows(&self, _: ThrottleRule, _: &[u8], _: UnixTime) -> PortResult<bool> {
        self.0.acquire().await.unwrap().forget();
        Ok(true)
    }
}

struct Stage {
    harness: Harness,
    leaving: Leaving,
    gate: Arc<Semaphore>,
}

impl Stage {
    async fn new() -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let closed = Arc::new(Closed(Arc::clone(&gate)));
        let harness = Harness::over(|_| (), |ports| Ports { throttle: closed, ..ports }).await;
        Self { harness, leaving: Leaving::default(), gate }
    }

    fn router(&self, limits: &HttpLimits) -> Router {
        routes(&self.harness, &self.leaving, limits)
    }
}

fn routes(harness: &Harness, leaving: &Leaving, limits: &HttpLimits) -> Router {
    let state = AppState {
        provider: Arc::clone(&harness.provider),
        // Whence all requests of these tests come.
        trusted_proxies: Arc::new(["203.0.113.7".parse().unwrap()]),
        leaving: leaving.clone(),
        mobile_origins: Arc::new([]),
    };
    router(state, limits)
}

fn token_request() -> Request<Body> {
    form("/token", &[], &[("grant_type", "client_credentials"), ("client_id", "nobody")])
}

const KEYS: [&str; 3] =
    ["/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

/// What the page of a refusal needs.
const FILES: [&str; 2] = ["/assets/style.css", "/assets/seal.svg"];

#[tokio::test]
async fn who_finds_no_place_is_refused_at_once_and_the_keys_are_the_last() {
    let stage = Stage::new().await;
    let router = stage.router(&HttpLimits { requests: 1, queue: 0, ..HttpLimits::default() });
    let held = exchange(&router, token_request());
    let others = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        for (request, kind) in [
            (token_request(), "application/json"),
            (bare(&Method::GET, "/mobile/v1/approvals", &[]), "application/json"),
            (bare(&Method::GET, "/authorize", &[]), "text/html; charset=utf-8"),
        ] {
            let refused = exchange(&router, request).await;
            assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{}", refused.text);
            assert_eq!((refused.header("content-type"), refused.header("cache-control")), (kind, "no-store"));
            assert_eq!(refused.header("x-content-type-options"), "nosniff");
            if kind == "application/json" {
                assert_eq!(refused.json()["error"], "temporarily_unavailable");
            }
        }
        assert!(began.elapsed() < Duration::from_millis(1400), "{:?}", began.elapsed());
        for path in KEYS.into_iter().chain(FILES) {
            assert_eq!(exchange(&router, bare(&Method::GET, path, &[])).await.status, 200, "{path}");
        }
        stage.gate.add_permits(2);
    };
    let (held, ()) = tokio::join!(held, others);
    assert_eq!(held.status, 401, "{}", held.text);
    // The place was given back.
    assert_eq!(exchange(&router, token_request()).await.status, 401);
}

#[tokio::test]
async fn the_queue_is_short_in_length_and_in_time() {
    let stage = Stage::new().await;
    let router = stage.router(&HttpLimits { requests: 1, queue: 1, ..HttpLimits::default() });
    let first = exchange(&router, token_request());
    let second = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        exchange(&router, token_request()).await
    };
    let third = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let third = exchange(&router, token_request()).await;
        stage.gate.add_permits(2);
        third
    };
    let (first, second, third) = tokio::join!(first, second, third);
    assert_eq!((first.status, second.status, third.status), (401, 401, 503));
    let held = exchange(&router, token_request());
    let patient = async {
        let began = Instant::now();
        let refused = exchange(&router, token_request()).await;
        stage.gate.add_permits(1);
        (refused.status, began.elapsed())
    };
    let (_, (status, waited)) = tokio::join!(held, patient);
    assert_eq!(status, 503);
    assert!(waited > Duration::from_millis(400) && waited < Duration::from_secs(5), "{waited:?}");
}

#[tokio::test]
async fn a_body_that_is_sent_slowly_takes_no_place() {
    let stage = Stage::new().await;
    stage.gate.add_permits(1);
    let limits =
        HttpLimits { requests: 1, queue: 0, request: Duration::from_secs(2), ..HttpLimits::default() };
    let router = stage.router(&limits);
    let slow = || {
        let never = Body::from_stream(futures_util::stream::pending::<Result<&[u8], std::io::Error>>());
        let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
        router.clone().oneshot(request.body(never).unwrap())
    };
    let quick = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        exchange(&router, token_request()).await.status
    };
    let (one, other, quick) = tokio::join!(slow(), slow(), quick);
    assert_eq!((one.unwrap().status().as_u16(), other.unwrap().status().as_u16(), quick), (503, 503, 401));
}

#[tokio::test]
async fn a_body_of_many_frames_is_whole_and_a_longer_one_too_long() {
    let stage = Stage::new().await;
    stage.gate.add_permits(1);
    let router = stage.router(&HttpLimits { body: 1024, ..HttpLimits::default() });
    let send = |frames: Vec<String>| {
        let frames = frames.into_iter().map(Ok::<_, std::io::Error>);
        let body = Body::from_stream(futures_util::stream::iter(frames));
        let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
        exchange(&router, request.body(body).unwrap())
    };
    let frames = ["grant_type=client_", "credentials&client", "_id=nobody"].map(String::from);
    assert_eq!(send(frames.to_vec()).await.status, 401);
    assert_eq!(send(vec!["a".repeat(600), "a".repeat(600)]).await.status, 413);
}

#[tokio::test]
async fn pages_that_wait_have_places_of_their_own() {
    let harness = Harness::new().await;
    let router = routes(&harness, &Leaving::default(), &HttpLimits { waits: 0, ..HttpLimits::default() });
    let waiting = harness.sign_in(CAMILLE).await;
    let refused = exchange(&router, status_of(&waiting)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert_eq!(exchange(&router, token_request()).await.status, 401);
}

#[tokio::test]
async fn a_source_that_comes_too_often_waits_and_the_others_do_not() {
    let harness = Harness::new().await;
    let router =
        routes(&harness, &Leaving::default(), &HttpLimits { source_rate: 1, ..HttpLimits::default() });
    let from = |path: &str, source: &str| {
        exchange(&router, bare(&Method::GET, path, &[("x-forwarded-for", source)]))
    };
    // A slow machine gives a place back meanwhile.
    let refused = async |path: &str, source: &dyn Fn(u32) -> String| {
        for tries in 0..30 {
            let answer = from(path, &source(tries)).await;
            if answer.status == 429 {
                return answer;
            }
        }
        panic!("{path} is never refused");
    };
    let one = |_| String::from("192.0.2.1");
    assert_ne!(from("/userinfo", "192.0.2.1").await.status, 429);
    for path in ["/authorize", "/mobile/v1/approvals", "/userinfo"] {
        assert_eq!(refused(path, &one).await.header("retry-after"), "1", "{path}");
    }
    assert_eq!(refused("/userinfo", &one).await.json()["error"], "slow_down");
    assert_ne!(from("/userinfo", "192.0.2.2").await.status, 429);
    for path in KEYS.into_iter().chain(FILES) {
        assert_eq!(from(path, "192.0.2.1").await.status, 200);
    }
    // Nor do they count: a source that asked for them alone has all its places.
    for _ in 0..5 {
        assert_eq!(from(FILES[0], "192.0.2.3").await.status, 200);
    }
    assert_ne!(from("/userinfo", "192.0.2.3").await.status, 429);
    // What is sent to them is read: it counts.
    let send = || exchange(&router, bare(&Method::POST, FILES[0], &[("x-forwarded-for", "192.0.2.4")]));
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(send().await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    // RFC 4291 2.5.4: a network of 64 bits is one source.
    refused("/userinfo", &|tries| format!("2001:db8::{tries}:1")).await;
    assert_ne!(from("/userinfo", "2001:db8:0:1::9").await.status, 429);
}

/// In the language of who reads it, and it names the time its header names.
#[tokio::test]
async fn the_page_of_a_source_that_comes_too_often_says_how_long_to_wait() {
    let harness = Harness::new().await;
    let router =
        routes(&harness, &Leaving::default(), &HttpLimits { source_rate: 1, ..HttpLimits::default() });
    for (source, language, title, words) in [
        (
            "192.0.2.1",
            "fr",
            "Trop de demandes viennent d’être faites",
            "Patientez une seconde, puis recommencez.",
        ),
        ("192.0.2.2", "en", "Too many requests were just made", "Wait a second, then try again."),
    ] {
        let headers = [("x-forwarded-for", source), ("accept-language", language)];
        // A slow machine gives a place back meanwhile.
        let page = loop {
            let page = exchange(&router, bare(&Method::GET, "/authorize", &headers)).await;
            if page.status == 429 {
                break page;
            }
        };
        assert_eq!((page.header("retry-after"), page.header("content-language")), ("1", language));
        assert!(page.text.contains(title) && page.text.contains(words), "{}", page.text);
        assert!(!page.text.contains("minute"), "{}", page.text);
        for path in FILES {
            assert!(page.text.contains(&format!("href=\"{path}\"")), "{}", page.text);
        }
    }
}

fn status_of(waiting: &Waiting) -> Request<Body> {
    let value = waiting.browser.interaction.as_ref().unwrap().expose();
    let cookie = format!("__Host-sceau-i-{}={value}", waiting.id.uuid().simple());
    bare(&Method::GET, &format!("/interaction/{}/status", waiting.id), &[("cookie", &cookie)])
}

#[tokio::test]
async fn a_process_that_leaves_lets_go_of_the_pages_that_wait() {
    let harness = Harness::new().await;
    let leaving = Leaving::default();
    let router = routes(&harness, &leaving, &HttpLimits::default());
    let waiting = harness.sign_in(CAMILLE).await;
    let began = Instant::now();
    let told = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        leaving.begin();
    };
    let (answer, ()) = tokio::join!(exchange(&router, status_of(&waiting)), told);
    assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("waiting")));
    let took = began.elapsed();
    assert!(took > Duration::from_millis(300) && took < Duration::from_secs(5), "{took:?}");
}
