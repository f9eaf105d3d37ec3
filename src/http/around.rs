//! What is done once for every request, around all that answers it: its name, its observation, the form of its errors,
//! panics among them, and the headers of every answer. One service: layers of `axum` would box and clone all that is within them, each.

use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::extract::Network;
use super::layers::HttpLimits;
use super::observe::Observer;
use super::respond::Shape;

/// The layer.
#[derive(Clone)]
pub(super) struct Around(Arc<Shared>);

struct Shared {
    names: Names,
    observer: Observer,
    /// Origins of phones that live in a browser.
    phones: Arc<[String]>,
    hsts: bool,
}

/// A service with this around it.
#[derive(Clone)]
pub(super) struct Surrounded<S> {
    inner: S,
    shared: Arc<Shared>,
}

/// Names requests: what tells this process from others, then a number that does not tell how many there were.
struct Names {
    process: u64,
    hidden: RandomState,
    last: AtomicU64,
}

impl Around {
    pub(super) fn new(limits: &HttpLimits, proxies: Arc<[Network]>, phones: Arc<[String]>) -> Self {
        let observer = Observer::new(limits, proxies);
        Self(Arc::new(Shared { names: Names::new(), observer, phones, hsts: limits.hsts }))
    }
}

impl<S> Layer<S> for Around {
    type Service = Surrounded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Surrounded { inner, shared: Arc::clone(&self.0) }
    }
}

impl<S, R> Service<Request> for Surrounded<S>
where
    S: Service<Request, Response = R, Error = Infallible, Future: Send + 'static>,
    R: IntoResponse,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        let name = shared.names.of(request.headers());
        let (seen, span) = shared.observer.begin(&request, name.as_ref());
        let shape = Shape::of(&request, &shared.phones);
        let within = seen.within();
        let begun = panic::catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        let answer = async {
            let answered = match begun {
                Ok(answer) => AssertUnwindSafe(answer).catch_unwind().await,
                Err(panicked) => Err(panicked),
            };
            // Its message is the panic hook's to write.
            shape.given(answered.map_or_else(|_| failed(), IntoResponse::into_response))
        };
        let answer = answer.instrument(within).instrument(span);
        Box::pin(async move {
            let mut response = answer.await;
            shared.complete(response.headers_mut(), name);
            seen.end(response.status());
            Ok(response)
        })
    }
}

impl Shared {
    /// The headers of every answer, unless its route has said them.
    fn complete(&self, headers: &mut HeaderMap, name: Option<HeaderValue>) {
        headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(NOSNIFF);
        if self.hsts {
            headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HSTS);
        }
        if let Some(name) = name {
            headers.entry(REQUEST_ID).or_insert(name);
        }
    }
}

impl Names {
    fn new() -> Self {
        let hidden = RandomState::new();
        Self { process: hidden.hash_one(std::process::id()), hidden, last: AtomicU64::default() }
    }

    /// The name a proxy has given it, or a new one.
    fn of(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if let Some(given) = headers.get(&REQUEST_ID) {
            return Some(given.clone());
        }
        let number = self.hidden.hash_one(self.last.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(format!("{:016x}-{number:016x}", self.process)).ok()
    }
}

fn failed() -> Response {
    tracing::error!("a request panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// The header that names a request, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");
