//! Traces of sampled requests, sent to a collector (OTLP over HTTP, protobuf; OpenTelemetry 1.x).
//!
//! Only spans of [`SPANS`] inside a request that was chosen are seen; events, log lines and what libraries trace never
//! are. Off until [`Traces::start`]: until then a span costs the reading of one flag. A collector that is away or slow
//! costs spans, a counter and a line a minute.
//!
//! For the subscriber of a whole process. One set for a thread loses spans: a database's thread may end the last child
//! of a span, whose parent is then closed in the subscriber of that thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::{SpanBuilder, Tracer, TracerProvider as _};
use opentelemetry::{Context as Parent, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use super::TelemetryError;
use super::batches::{Batches, Ending};
use crate::ports::SPANS;

/// The traces of this process. Cheap to clone.
#[derive(Clone)]
pub struct Traces(Arc<State>);

struct State {
    on: AtomicBool,
    /// Its spans go nowhere.
    idle: SdkTracer,
    started: OnceLock<Started>,
}

/// What there is once the settings were read.
struct Started {
    tracer: SdkTracer,
    ending: Ending,
}

impl Traces {
    /// How many spans wait for the collector, usually: some megabytes of memory at most.
    pub const QUEUE: usize = 4096;

    /// Traces that are off.
    #[must_use]
    pub fn off() -> Self {
        let idle = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build().tracer(NAME);
        Self(Arc::new(State { on: AtomicBool::new(false), idle, started: OnceLock::new() }))
    }

    /// What makes the spans of a subscriber ours.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        // Neither threads nor places in the source: what leaves is written out by us, span by span.
        let layer = tracing_opentelemetry::layer()
            .with_tracer(Late(self.clone()))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false);
        layer.with_filter(Chosen(self.clone()))
    }

    /// Sends the spans of chosen requests to the collector at `endpoint`, from now on; `length` of them wait for it at
    /// most, and more are dropped. Within a tokio runtime; once.
    ///
    /// # Errors
    /// TLS cannot be set up, or the address cannot be used.
    pub fn start(&self, endpoint: &Url, length: usize) -> Result<(), TelemetryError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector()?)
            .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(TIMEOUT)
            .build()?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder_empty().with_service_name(NAME).with_attribute(version).build();
        let (batches, ending) = Batches::start(exporter, &resource, length);
        // Whoever makes a span has chosen its request.
        let provider =
            SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOn).with_span_processor(batches).build();
        let tracer = provider.tracer(NAME);
        if self.0.started.set(Started { tracer, ending }).is_ok() {
            self.0.on.store(true, Ordering::Release);
            tracing::callsite::rebuild_interest_cache();
        }
        Ok(())
    }

    /// Sends what is left, for `patience` at most. Says whether all of it was taken.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.0.on.store(false, Ordering::Release);
        match self.0.started.get() {
            Some(started) => started.ending.come(patience).await,
            None => true,
        }
    }

    fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Acquire)
    }
}

/// The tracer, which is there only once the settings were read.
struct Late(Traces);

impl Tracer for Late {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Parent) -> Span {
        let state = &self.0.0;
        state.started.get().map_or(&state.idle, |started| &started.tracer).build_with_context(builder, parent)
    }
}

/// Lets through the spans of chosen requests: the one of the request, and those within it.
struct Chosen(Traces);

impl<S> Filter<S> for Chosen
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        let ours = self.0.is_on() && metadata.is_span() && metadata.target() == SPANS;
        // The context knows the spans alone that this filter let through.
        ours && (metadata.name() == ROOT || context.lookup_current().is_some())
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let ours = self.0.is_on() && metadata.is_span() && metadata.target() == SPANS;
        if ours { Interest::sometimes() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if self.0.is_on() { LevelFilter::INFO } else { LevelFilter::OFF })
    }
}

/// The way to the collector.
#[derive(Debug)]
struct Collector(reqwest::Client);

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.0.execute(request.try_into()?).await?;
        // Its status says it all; what else it answers is of no use, and may be long.
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        Ok(response)
    }
}

fn collector() -> Result<Collector, TelemetryError> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy();
    Ok(Collector(client.redirect(reqwest::redirect::Policy::none()).build()?))
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Traces(on: {})", self.is_on())
    }
}

const NAME: &str = "sceau";
/// The span of a request, which begins what is traced.
const ROOT: &str = "http.request";
const TIMEOUT: Duration = Duration::from_secs(5);
