//! The tower stack, outermost first: request id, span and metrics, form of errors, panics, time-out, body limit, headers, places.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::middleware;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use super::extract::Network;
use super::guard::{Guard, guard};
use super::observe::{Observer, REQUEST_ID, observe};
use super::respond;

/// Limits of the public router.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// Time a request may take; a page's status poll waits up to 20 s.
    pub request: Duration,
    /// Bytes a body may have.
    pub body: usize,
    /// HSTS is sent (https issuer).
    pub hsts: bool,
    /// Requests under way at once.
    pub requests: usize,
    /// Requests that wait for one of these places.
    pub queue: usize,
    /// Status polls that wait at once.
    pub waits: usize,
    /// Requests of one source a second; 0: no limit.
    pub source_rate: u32,
    /// Of a million requests, those traced; none: no request is, whatever a proxy says.
    pub traced: Option<u32>,
    /// The `traceparent` of a trusted proxy is read.
    pub traceparent: bool,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            body: 64 * 1024,
            hsts: false,
            requests: 256,
            queue: 256,
            waits: 2048,
            source_rate: 0,
            traced: None,
            traceparent: false,
        }
    }
}

/// Puts the stack around `routes`.
/// `phones`: origins of phones that live in a browser.
pub(super) fn around(
    routes: Router,
    limits: &HttpLimits,
    trusted_proxies: Arc<[Network]>,
    phones: Arc<[String]>,
) -> Router {
    let traced_by = if limits.traceparent { Arc::clone(&trusted_proxies) } else { Arc::from([]) };
    let observer = Arc::new(Observer::new(limits, traced_by));
    let places = Arc::new(Guard::new(limits, trusted_proxies));
    let hsts = limits.hsts.then(|| {
        let value = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        SetResponseHeaderLayer::if_not_present(header::STRICT_TRANSPORT_SECURITY, value)
    });
    let stack = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, Numbered::new()))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(middleware::from_fn_with_state(observer, observe))
        .layer(middleware::from_fn_with_state(phones, respond::in_form))
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limits.request))
        .layer(DefaultBodyLimit::max(limits.body))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .option_layer(hsts)
        .layer(middleware::from_fn_with_state(places, guard));
    routes.layer(stack)
}

/// Names requests: what tells this process from others, then a number that does not tell how many there were.
#[derive(Clone)]
struct Numbered {
    process: u64,
    hidden: RandomState,
    last: Arc<AtomicU64>,
}

impl Numbered {
    fn new() -> Self {
        let hidden = RandomState::new();
        Self { process: hidden.hash_one(std::process::id()), hidden, last: Arc::default() }
    }
}

impl MakeRequestId for Numbered {
    fn make_request_id<Body>(&mut self, _: &Request<Body>) -> Option<RequestId> {
        let number = self.hidden.hash_one(self.last.fetch_add(1, Ordering::Relaxed));
        HeaderValue::from_str(&format!("{:016x}-{number:016x}", self.process)).ok().map(RequestId::new)
    }
}
