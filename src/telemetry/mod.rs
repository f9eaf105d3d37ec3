//! Layer 8: log lines on standard error, metrics in the text form of Prometheus, and traces to a collector.
//!
//! Never in any: identity numbers, names, tokens, codes, numbers to match, assertions, raw bodies; no address
//! at info. Identifiers of ours (client, device, approval, kid) may be. Labels are from closed sets, never from
//! a request. What must be provable is audit, not log.

mod batches;
mod traces;

use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
pub use traces::Traces;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The environment variable of [`LogSettings`].
pub const LOG_VARIABLE: &str = "SCEAU_LOG";

/// What is logged unless told otherwise. `webauthn_rs_core` has written key material below warn.
pub const DEFAULT_FILTER: &str = "info,webauthn_rs_core=warn,sqlx=warn,hyper=warn,sceau::spans=off";

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person.
    #[default]
    Pretty,
    /// One JSON object per line.
    Json,
}

/// Form and filter of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// The form.
    pub format: LogFormat,
    /// Directives over [`DEFAULT_FILTER`], such as `debug` or `sceau::flow=debug`.
    pub filter: String,
}

/// Why there is no log or no metrics.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A directive that cannot be understood.
    #[error("SCEAU_LOG: {0}: write pretty or json, then directives such as sceau=debug, with commas between")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Another subscriber has been set in this process.
    #[error("the log is set already: {0}")]
    Subscriber(#[from] tracing_subscriber::util::TryInitError),
    /// Another recorder has been set in this process, or the builder refuses.
    #[error("the metrics cannot be recorded: {0}")]
    Recorder(#[from] metrics_exporter_prometheus::BuildError),
    /// TLS to the collector cannot be set up.
    #[error("traces: {0}")]
    Client(#[from] reqwest::Error),
    /// The address of the collector cannot be used.
    #[error("telemetry.otlp_endpoint: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

impl LogSettings {
    /// Reads the value of [`LOG_VARIABLE`]: `pretty` or `json`, directives, or both, with commas between.
    #[must_use]
    pub fn parse(text: Option<&str>) -> Self {
        let text = text.unwrap_or_default();
        let (first, rest) = text.split_once(',').unwrap_or((text, ""));
        match first.trim() {
            "json" => Self { format: LogFormat::Json, filter: rest.to_owned() },
            "pretty" => Self { format: LogFormat::Pretty, filter: rest.to_owned() },
            _ => Self { format: LogFormat::Pretty, filter: text.to_owned() },
        }
    }

    /// The filter: the default one, with the given directives over it.
    ///
    /// # Errors
    /// A directive that cannot be understood.
    pub fn filter(&self) -> Result<EnvFilter, TelemetryError> {
        // The last of two directives for one target wins.
        let directives = format!("{DEFAULT_FILTER},{}", self.filter);
        Ok(EnvFilter::builder().parse(directives.trim_end_matches(','))?)
    }

    /// Sets the log of this process. Once, first thing. The traces are off until they are started.
    ///
    /// # Errors
    /// A filter that cannot be understood, or a second call.
    pub fn install(&self) -> Result<Traces, TelemetryError> {
        let traces = Traces::off();
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let lines = match self.format {
            LogFormat::Pretty => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let registry = tracing_subscriber::registry().with(lines.with_filter(self.filter()?));
        registry.with(traces.layer()).try_init()?;
        Ok(traces)
    }
}

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Sets the recorder of this process, or finds the one set before.
    ///
    /// # Errors
    /// Another recorder than ours is set.
    pub fn install() -> Result<Self, TelemetryError> {
        // The recorder belongs to the whole process; so does what remembers it.
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = installed.as_ref() {
            return Ok(Self(handle.clone()));
        }
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix(String::from("_seconds")), SECONDS)?
            .install_recorder()?;
        *installed = Some(handle.clone());
        Ok(Self(handle))
    }

    /// All metrics, as `/metrics` answers them (`text/plain; version=0.0.4`).
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds recorded samples into the histograms: a job of every few seconds, or they pile up.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// Bounds of every histogram of durations.
const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0,
];
