//! The jobs of the audit log: order and checkpoints, the way of checkpoints out of here, the end of personal values.
//!
//! Each place where checkpoints go has a job of its own, so that one that hangs holds up nothing else. A job that fails
//! is tried again each second and seen in `sceau_seconds_since_last_run`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;

use crate::audit::Retention;
use crate::flow::{LogProgress, Provider};
use crate::ports::{AuditLog, CheckpointSink};
use crate::worker::Job;

use super::App;

/// What `serve` does for the audit log.
pub struct AuditDuties {
    /// Where checkpoints go.
    pub sinks: Vec<Arc<dyn CheckpointSink>>,
    /// How long personal values are kept.
    pub retention: Retention,
}

impl App {
    /// The jobs of these duties.
    #[must_use]
    pub fn audit_jobs(&self, duties: AuditDuties) -> Vec<Job> {
        let AuditDuties { sinks, retention } = duties;
        let provider = Arc::clone(&self.provider);
        let erasure = Job::new("audit_retention", ERASE_EVERY, move || {
            let provider = Arc::clone(&provider);
            async move {
                let erased = provider.erase_expired(&retention).await?;
                if erased > 0 {
                    tracing::info!(erased, "personal values of the audit log were erased");
                }
                Ok::<(), crate::ports::PortError>(())
            }
        });
        let log = &self.provider.ports.audit_log;
        let deliveries = sinks.into_iter().map(|sink| delivery(log, sink));
        std::iter::once(erasure).chain(deliveries).collect()
    }
}

/// Orders committed rows and signs checkpoints.
pub(super) fn ordering(provider: &Arc<Provider>) -> Job {
    let provider = Arc::clone(provider);
    Job::new("audit", EVERY, move || {
        let provider = Arc::clone(&provider);
        async move {
            if let Some(progress) = provider.sequence_audit().await? {
                report(&progress)?;
            }
            anyhow::Ok(())
        }
    })
}

fn report(progress: &LogProgress) -> anyhow::Result<()> {
    metrics::gauge!("sceau_audit_entries").set(count(progress.size));
    metrics::gauge!("sceau_audit_lag_seconds").set(progress.lag.as_secs_f64());
    metrics::gauge!("sceau_audit_lanes_held").set(count(u64::try_from(progress.held.len())?));
    if let Some(held) = progress.held.first() {
        anyhow::bail!("the audit log does not go on, {held}; run sceau audit verify");
    }
    anyhow::ensure!(
        progress.lag < ALARM,
        "audit rows have been waiting for {} s to be ordered",
        progress.lag.as_secs()
    );
    Ok(())
}

/// Exact up to 2^53.
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a gauge is a float")]
const fn count(number: u64) -> f64 {
    number as f64
}

/// Gives one place every checkpoint from the newest one at the start on.
fn delivery(log: &Arc<dyn AuditLog>, sink: Arc<dyn CheckpointSink>) -> Job {
    let (log, given) = (Arc::clone(log), Arc::new(Mutex::new(None)));
    Job::new(sink.name(), EVERY, move || {
        let (log, sink, given) = (Arc::clone(&log), Arc::clone(&sink), Arc::clone(&given));
        async move { deliver(&*log, &*sink, &given).await }
    })
}

async fn deliver(
    log: &dyn AuditLog,
    sink: &dyn CheckpointSink,
    given: &Mutex<Option<u64>>,
) -> anyhow::Result<()> {
    let last = *given.lock().unwrap_or_else(PoisonError::into_inner);
    let checkpoints = match last {
        Some(last) => log.checkpoints(Some(last), AT_ONCE).await?,
        // What came before the newest is within it.
        None => log.last_checkpoint().await?.into_iter().collect(),
    };
    for checkpoint in checkpoints {
        let kept = tokio::time::timeout(PATIENCE, sink.keep(&checkpoint)).await;
        kept.context("it does not answer")?.context("a checkpoint did not leave")?;
        *given.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint.number);
    }
    Ok(())
}

const EVERY: Duration = Duration::from_secs(1);
const ERASE_EVERY: Duration = Duration::from_hours(1);
/// Rows that wait longer are an alarm.
const ALARM: Duration = Duration::from_mins(5);
/// Of one checkpoint at one place.
const PATIENCE: Duration = Duration::from_secs(10);
/// Checkpoints of one run, after a place was away.
const AT_ONCE: u32 = 100;
