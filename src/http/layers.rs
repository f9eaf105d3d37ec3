//! The tower stack, outermost first: what is around every answer ([`Around`]), time-out, body limit, places.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use tower::ServiceBuilder;
use tower_http::timeout::TimeoutLayer;

use super::around::Around;
use super::extract::Network;
use super::guard::{Guard, guard};

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
    let places = Arc::new(Guard::new(limits, trusted_proxies));
    let stack = ServiceBuilder::new()
        .layer(Around::new(limits, traced_by, phones))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limits.request))
        .layer(DefaultBodyLimit::max(limits.body))
        .layer(middleware::from_fn_with_state(places, guard));
    routes.layer(stack)
}
