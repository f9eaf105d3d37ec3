//! Spans on their way to the collector: a queue that is never waited for, emptied in batches by a task of its own.
//!
//! Stands where the SDK's batch processor would, which tells nobody how many spans it dropped, and ends well whatever
//! became of its last batch. `sceau_trace_spans_total` counts what became of each span.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::Counter;
use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter as _, SpanProcessor};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where spans go when they end.
#[derive(Debug)]
pub(super) struct Batches {
    queue: mpsc::Sender<SpanData>,
    dropped: CounterOf,
}

/// The end of a queue: what is left is sent, and nothing taken any more.
#[derive(Debug)]
pub(super) struct Ending {
    told: CancellationToken,
    task: Mutex<Option<JoinHandle<bool>>>,
}

/// The task that sends.
struct Sending {
    queue: mpsc::Receiver<SpanData>,
    exporter: SpanExporter,
    size: usize,
    sent: CounterOf,
    failed: CounterOf,
    complained: Option<Instant>,
}

struct CounterOf(Counter);

impl Batches {
    /// Spans of `resource` to `exporter`, `length` of them waiting at most. Within a tokio runtime.
    #[expect(clippy::disallowed_methods, reason = "`Ending` stops it, which `sceau serve` awaits")]
    pub(super) fn start(mut exporter: SpanExporter, resource: &Resource, length: usize) -> (Self, Ending) {
        exporter.set_resource(resource);
        let (sender, queue) = mpsc::channel(length.max(1));
        let (sent, failed) = (CounterOf::new("sent"), CounterOf::new("failed"));
        let sending =
            Sending { queue, exporter, size: length.clamp(1, BATCH), sent, failed, complained: None };
        let told = CancellationToken::new();
        let task = tokio::spawn(sending.run(told.clone()));
        (
            Self { queue: sender, dropped: CounterOf::new("dropped") },
            Ending { told, task: Mutex::new(Some(task)) },
        )
    }
}

impl Ending {
    /// Sends what is left, for `patience` at most. Says whether all of it was taken.
    pub(super) async fn come(&self, patience: Duration) -> bool {
        self.told.cancel();
        let Some(mut task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return true;
        };
        let ended = tokio::time::timeout(patience, &mut task).await;
        task.abort();
        ended.is_ok_and(|ended| ended.unwrap_or(false))
    }
}

impl Sending {
    /// Until it is told to end. Says whether everything was taken from then on.
    async fn run(mut self, told: CancellationToken) -> bool {
        let mut whole = true;
        loop {
            let (batch, open) = self.batch(&told).await;
            let taken = batch.is_empty() || self.send(batch).await;
            whole = taken && (whole || !told.is_cancelled());
            if !open {
                return whole;
            }
        }
    }

    /// What there is when it is enough, or has waited long enough, or all of it at the end. Says whether more may come.
    async fn batch(&mut self, told: &CancellationToken) -> (Vec<SpanData>, bool) {
        let mut batch = Vec::new();
        tokio::select! {
            open = fill(&mut self.queue, &mut batch, self.size) => return (batch, open),
            () = tokio::time::sleep(DELAY) => return (batch, true),
            () = told.cancelled() => {}
        }
        self.queue.close();
        let open = fill(&mut self.queue, &mut batch, self.size).await;
        (batch, open)
    }

    async fn send(&mut self, batch: Vec<SpanData>) -> bool {
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let Err(error) = self.exporter.export(batch).await else {
            self.sent.0.increment(spans);
            return true;
        };
        self.failed.0.increment(spans);
        if self.complained.is_none_or(|complained| complained.elapsed() >= QUIET) {
            self.complained = Some(Instant::now());
            tracing::warn!(reason = %error, "the collector of traces takes nothing: spans are lost");
        }
        false
    }
}

/// Says whether more may come: false once the queue is closed and empty.
async fn fill(queue: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>, size: usize) -> bool {
    while batch.len() < size {
        if queue.recv_many(batch, size - batch.len()).await == 0 {
            return false;
        }
    }
    true
}

impl SpanProcessor for Batches {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.queue.try_send(span).is_err() {
            self.dropped.0.increment(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// [`Ending`] ends the queue.
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl CounterOf {
    fn new(outcome: &'static str) -> Self {
        Self(metrics::counter!("sceau_trace_spans_total", "outcome" => outcome))
    }
}

impl std::fmt::Debug for CounterOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CounterOf")
    }
}

/// Spans of one batch at most.
const BATCH: usize = 512;
/// How long a span waits for its batch to be whole.
const DELAY: Duration = Duration::from_secs(5);
/// Between two lines about a collector that is away.
const QUIET: Duration = Duration::from_mins(1);
