//! The jobs of the audit log: order and checkpoints, the way of checkpoints out of here, the end of personal values.
//!
//! Each place where checkpoints go has a job of its own, so that one that hangs holds up nothing else. A job that fails
//! is tried again each second and seen in `sceau_seconds_since_last_run`.
//!
//! At the end of the process one more checkpoint covers its last seconds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;

use crate::audit::Retention;
use crate::flow::{LogProgress, Provider};
use crate::ports::{AuditLog, CheckpointSink, PortResult};
use crate::worker::Job;

use super::App;

/// What `serve` does for the audit log.
pub struct AuditDuties {
    /// Where checkpoints go.
    pub sinks: Vec<Arc<dyn CheckpointSink>>,
    /// How long personal values are kept.
    pub retention: Retention,
}

/// The duties as jobs, and what is left for the end.
pub struct AuditWork {
    /// Again and again.
    pub jobs: Vec<Job>,
    /// Once, when nothing else runs any more.
    pub end: LastCheckpoint,
}

/// The checkpoint at the end of the process, and its ways out.
pub struct LastCheckpoint {
    provider: Arc<Provider>,
    ways: Vec<Arc<Way>>,
}

impl LastCheckpoint {
    /// Orders and signs what was written until now, and gives it to each place, within `patience`. False when not all
    /// of it was done: another replica, or the next start, goes on.
    pub async fn leave(&self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.leaving()).await.unwrap_or(false)
    }

    async fn leaving(&self) -> bool {
        if let Err(error) = self.signed().await {
            tracing::warn!(reason = %error, "the last rows of the audit log are in no checkpoint yet");
            return false;
        }
        let left = self.ways.iter().map(|way| async {
            let left = way.deliver().await;
            if let Err(error) = &left {
                let reason = format!("{error:#}");
                tracing::warn!(place = way.sink.name(), reason, "the last checkpoint did not leave");
            }
            left.is_ok()
        });
        futures_util::future::join_all(left).await.into_iter().all(|left| left)
    }

    async fn signed(&self) -> PortResult<()> {
        while !self.provider.conclude_audit().await? {
            tokio::time::sleep(MEANWHILE).await;
        }
        Ok(())
    }
}

impl App {
    /// The jobs of these duties.
    #[must_use]
    pub fn audit_work(&self, duties: AuditDuties) -> AuditWork {
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
        let way = |sink| Arc::new(Way { log: Arc::clone(log), sink, given: Mutex::new(None) });
        let ways: Vec<Arc<Way>> = sinks.into_iter().map(way).collect();
        let jobs = std::iter::once(erasure).chain(ways.iter().map(delivery)).collect();
        AuditWork { jobs, end: LastCheckpoint { provider: Arc::clone(&self.provider), ways } }
    }
}

/// Orders committed rows and signs checkpoints.
pub(super) fn ordering(provider: &Arc<Provider>) -> Job {
    let provider = Arc::clone(provider);
    Job::new("audit", EVERY, move || {
        let provider = Arc::clone(&provider);
        async move {
            metrics::counter!("sceau_audit_dropped_total").absolute(provider.dropped.count());
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

/// One place, and how far it is.
struct Way {
    log: Arc<dyn AuditLog>,
    sink: Arc<dyn CheckpointSink>,
    given: Mutex<Option<u64>>,
}

/// Gives one place every checkpoint from the newest one at the start on.
fn delivery(way: &Arc<Way>) -> Job {
    let way = Arc::clone(way);
    Job::new(way.sink.name(), EVERY, move || {
        let way = Arc::clone(&way);
        async move { way.deliver().await }
    })
}

impl Way {
    async fn deliver(&self) -> anyhow::Result<()> {
        let last = *self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let checkpoints = match last {
            Some(last) => self.log.checkpoints(Some(last), AT_ONCE).await?,
            // What came before the newest is within it.
            None => self.log.last_checkpoint().await?.into_iter().collect(),
        };
        for checkpoint in checkpoints {
            let kept = tokio::time::timeout(PATIENCE, self.sink.keep(&checkpoint)).await;
            kept.context("it does not answer")?.context("a checkpoint did not leave")?;
            *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint.number);
        }
        Ok(())
    }
}

const EVERY: Duration = Duration::from_secs(1);
const ERASE_EVERY: Duration = Duration::from_hours(1);
/// Rows that wait longer are an alarm.
const ALARM: Duration = Duration::from_mins(5);
/// Between two tries at the end, while another replica orders.
const MEANWHILE: Duration = Duration::from_millis(100);
/// Of one checkpoint at one place.
const PATIENCE: Duration = Duration::from_secs(10);
/// Checkpoints of one run, after a place was away.
const AT_ONCE: u32 = 100;
