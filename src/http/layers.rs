//! The tower stack, outermost first: request id, span and metrics, form of errors, panics, time-out, body limit, headers, places.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument as _;

use super::extract::Network;
use super::guard::{Guard, guard};
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
        }
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the stack around `routes`.
pub(super) fn around(routes: Router, limits: &HttpLimits, trusted_proxies: Arc<[Network]>) -> Router {
    let places = Arc::new(Guard::new(limits, trusted_proxies));
    let hsts = limits.hsts.then(|| {
        let value = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        SetResponseHeaderLayer::if_not_present(header::STRICT_TRANSPORT_SECURITY, value)
    });
    let stack = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(middleware::from_fn(observe))
        .layer(middleware::from_fn(respond::in_form))
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

/// A span and two metrics a request: route, method, status. Never the query, which carries codes and states.
async fn observe(request: Request, next: Next) -> Response {
    let method = known_method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("").to_owned();
    let span =
        tracing::info_span!("http.request", http.method = %method, http.route = %route, request.id = %id);
    let started = begun();
    let response = next.run(request).instrument(span).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("sceau_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("sceau_http_request_seconds", "route" => route).record(started.elapsed());
    response
}

/// A caller may invent methods without end: each would be a series of its own.
const fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

fn begun() -> Instant {
    Instant::now()
}
