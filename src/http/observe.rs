//! What is told of every request: a span and two metrics, by route, method and status, and a trace of some. Never the
//! query, which carries codes and states.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode};
use metrics::{Counter, Histogram};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::extract::Network;
use super::layers::HttpLimits;
use super::trace_parent::trace_parent;
use crate::ports::SPANS;

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

/// What observes the requests of a router.
pub(super) struct Observer {
    meters: Meters,
    chooser: Option<Chooser>,
}

/// Chooses the requests that are traced.
struct Chooser {
    /// Of a million.
    share: u32,
    trusted_proxies: Arc<[Network]>,
    random: RandomState,
    last: AtomicU64,
}

/// A request under way.
pub(super) struct Seen {
    meters: Arc<RouteMeters>,
    method: &'static str,
    traced: Traced,
    started: Instant,
}

/// The trace of a request: its span, which is none where the request was not chosen, and the trace's identifier.
struct Traced {
    span: Span,
    id: Option<String>,
}

impl Observer {
    pub(super) fn new(limits: &HttpLimits, trusted_proxies: Arc<[Network]>) -> Self {
        let chooser = limits.traced.map(|share| {
            let (random, last) = (RandomState::new(), AtomicU64::new(0));
            Chooser { share, trusted_proxies, random, last }
        });
        Self { meters: Meters::default(), chooser }
    }

    /// What is told of `request`, and the span of its log lines. `name`: what the lines call it.
    pub(super) fn begin(&self, request: &Request, name: Option<&HeaderValue>) -> (Seen, Span) {
        let method = known_method(request.method());
        let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
        let meters = self.meters.of(route);
        let traced = self.trace(request, method, &meters.route);
        let span = info_span!(
            "http.request",
            http.method = method,
            http.route = meters.route.as_str(),
            request.id = name.and_then(|name| name.to_str().ok()).unwrap_or(""),
            trace.id = traced.id.as_deref()
        );
        (Seen { meters, method, traced, started: begun() }, span)
    }

    fn trace(&self, request: &Request, method: &'static str, route: &str) -> Traced {
        let Some(chooser) = &self.chooser else { return Traced { span: Span::none(), id: None } };
        let parent = trace_parent(request, &chooser.trusted_proxies);
        let chosen = parent.as_ref().map_or_else(|| chooser.chooses(), SpanContext::is_sampled);
        if !chosen {
            return Traced { span: Span::none(), id: parent.map(|parent| parent.trace_id().to_string()) };
        }
        let span = info_span!(
            target: SPANS, parent: None, "http.request",
            otel.kind = "server", otel.status_code = Empty, http.request.method = method, http.route = route,
            http.response.status_code = Empty
        );
        if let Some(parent) = parent {
            // Refused only where no layer of ours listens, and then nothing is traced at all.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
        let context = span.context().span().span_context().clone();
        Traced { id: context.is_valid().then(|| context.trace_id().to_string()), span }
    }
}

impl Chooser {
    fn chooses(&self) -> bool {
        let number = self.random.hash_one(self.last.fetch_add(1, Ordering::Relaxed));
        number % 1_000_000 < u64::from(self.share)
    }
}

impl Seen {
    /// The span of its trace.
    pub(super) fn within(&self) -> Span {
        self.traced.span.clone()
    }

    /// It was answered.
    pub(super) fn end(self, status: StatusCode) {
        let span = &self.traced.span;
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
        self.meters.count(self.method, status);
        self.meters.seconds.record(self.started.elapsed());
    }
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
