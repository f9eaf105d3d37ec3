//! What is told of every request: a span and two metrics, by route, method and status. Never the query, which carries
//! codes and states.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{Counter, Histogram};
use tracing::Instrument as _;

/// The header that names a request, in and out.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The meters of every route, made at its first request and kept: looking one up by its labels costs more than the
/// count itself.
#[derive(Clone, Default)]
pub(super) struct Meters(Arc<RwLock<HashMap<String, Arc<RouteMeters>>>>);

struct RouteMeters {
    route: String,
    seconds: Histogram,
    requests: RwLock<HashMap<(&'static str, StatusCode), Counter>>,
}

impl Meters {
    fn of(&self, route: &str) -> Arc<RouteMeters> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(route) {
            return Arc::clone(known);
        }
        let seconds = metrics::histogram!("sceau_http_request_seconds", "route" => route.to_owned());
        let meters = RouteMeters { route: route.to_owned(), seconds, requests: RwLock::default() };
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(route.to_owned()).or_insert_with(|| Arc::new(meters)))
    }
}

impl RouteMeters {
    fn count(&self, method: &'static str, status: StatusCode) {
        let key = (method, status);
        if let Some(known) = self.requests.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.increment(1);
        }
        let (route, code) = (self.route.clone(), status.as_u16().to_string());
        let counter = metrics::counter!("sceau_http_requests_total", "method" => method, "route" => route, "status" => code);
        counter.increment(1);
        self.requests.write().unwrap_or_else(PoisonError::into_inner).insert(key, counter);
    }
}

/// The span and the metrics of one request.
pub(super) async fn observe(State(meters): State<Meters>, request: Request, next: Next) -> Response {
    let method = known_method(request.method());
    let meters =
        meters.of(request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str));
    let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("");
    let span = tracing::info_span!(
        "http.request",
        http.method = method,
        http.route = meters.route.as_str(),
        request.id = id
    );
    let started = begun();
    let response = next.run(request).instrument(span).await;
    meters.count(method, response.status());
    meters.seconds.record(started.elapsed());
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
