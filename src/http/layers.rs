//! The tower stack, outermost first: request id, span and metrics, panics, load shed, time-out, body limit, headers.

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
use uuid::Uuid;

use super::observe::{Meters, REQUEST_ID, observe};
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
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { request: Duration::from_secs(30), body: 64 * 1024, hsts: false }
    }
}

/// Puts the stack around `routes`.
pub(super) fn around(routes: Router, limits: &HttpLimits) -> Router {
    let hsts = limits.hsts.then(|| {
        let value = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        SetResponseHeaderLayer::if_not_present(header::STRICT_TRANSPORT_SECURITY, value)
    });
    let stack = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, Numbered::new()))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(middleware::from_fn_with_state(Meters::default(), observe))
        .layer(middleware::from_fn(respond::in_form))
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limits.request))
        .layer(DefaultBodyLimit::max(limits.body))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .option_layer(hsts);
    routes.layer(stack)
}

/// Names requests: what tells this process from others, then a number.
#[derive(Clone)]
struct Numbered {
    process: u64,
    last: Arc<AtomicU64>,
}

impl Numbered {
    fn new() -> Self {
        let (process, _) = Uuid::new_v4().as_u64_pair();
        Self { process, last: Arc::default() }
    }
}

impl MakeRequestId for Numbered {
    fn make_request_id<Body>(&mut self, _: &Request<Body>) -> Option<RequestId> {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        HeaderValue::from_str(&format!("{:016x}-{number:x}", self.process)).ok().map(RequestId::new)
    }
}
