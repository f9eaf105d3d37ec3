//! Layer 9: what is done again and again beside the requests.
//!
//! Each job runs at the start and then every so often, with jitter so that replicas do not meet; never twice at a
//! time. A failure is one log line, and the job goes on. `sceau_seconds_since_last_run{job=…}` grows while a
//! job fails or hangs.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::base::{Entropy, EntropyExt as _};

/// Something to do again and again.
pub struct Job {
    name: &'static str,
    every: Duration,
    run: Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

impl Job {
    /// A job called `name` in logs and metrics, that runs `every` so often. Errors must be fit for the log.
    #[must_use]
    pub fn new<Run, Running, Failure>(name: &'static str, every: Duration, run: Run) -> Self
    where
        Run: Fn() -> Running + Send + Sync + 'static,
        Running: Future<Output = Result<(), Failure>> + Send + 'static,
        Failure: Display,
    {
        let run = Box::new(move || {
            let running = run();
            async move { running.await.map_err(|failure| failure.to_string()) }.boxed()
        });
        Self { name, every, run }
    }

    /// Once; a panic is a failure like others.
    async fn once(&self) -> Result<(), String> {
        let running = AssertUnwindSafe(async { (self.run)().await });
        running.catch_unwind().await.unwrap_or_else(|_| Err(String::from("panicked")))
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({}, every {:?})", self.name, self.every)
    }
}

/// Jobs under way. Dropping it stops them at their next wait; [`Worker::stop`] waits for them.
#[derive(Debug)]
pub struct Worker {
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Worker {
    /// Starts every job, within a tokio runtime.
    #[must_use]
    pub fn start(jobs: Vec<Job>, entropy: &Arc<dyn Entropy>) -> Self {
        let worker = Self { stopping: CancellationToken::new(), tasks: TaskTracker::new() };
        let last_runs: LastRuns =
            jobs.iter().map(|job| (job.name, Mutex::new(Instant::now()))).collect::<Vec<_>>().into();
        worker.tasks.spawn(report(Arc::clone(&last_runs), worker.stopping.clone()));
        for (place, job) in jobs.into_iter().enumerate() {
            let (last_runs, entropy) = (Arc::clone(&last_runs), Arc::clone(entropy));
            let stopping = worker.stopping.clone();
            worker.tasks.spawn(async move {
                let ran = || ran(&last_runs, place);
                repeat(&job, &stopping, &*entropy, &ran).await;
            });
        }
        worker.tasks.close();
        worker
    }

    /// Starts no run any more and waits for those under way, `patience` at most. Says whether all have ended.
    pub async fn stop(self, patience: Duration) -> bool {
        self.stopping.cancel();
        tokio::time::timeout(patience, self.tasks.wait()).await.is_ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// When each job last ended well.
type LastRuns = Arc<[(&'static str, Mutex<Instant>)]>;

async fn repeat(job: &Job, stopping: &CancellationToken, entropy: &dyn Entropy, ran: &(dyn Fn() + Sync)) {
    while !stopping.is_cancelled() {
        match job.once().await {
            Ok(()) => ran(),
            Err(failure) => {
                metrics::counter!("sceau_job_failures_total", "task" => job.name).increment(1);
                tracing::warn!(job.name = job.name, failure, "a job failed and will run again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(job.every.saturating_add(jitter(job.every, entropy))) => {}
            () = stopping.cancelled() => {}
        }
    }
}

fn ran(last_runs: &LastRuns, place: usize) {
    if let Some((_, last)) = last_runs.get(place) {
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Up to a tenth.
fn jitter(every: Duration, entropy: &dyn Entropy) -> Duration {
    let [random] = entropy.bytes::<1>();
    every / 2560 * u32::from(random)
}

/// On its own task: a job that hangs cannot hide it.
async fn report(last_runs: LastRuns, stopping: CancellationToken) {
    loop {
        for (name, last) in last_runs.iter() {
            let since = last.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
            metrics::gauge!("sceau_seconds_since_last_run", "task" => *name).set(since.as_secs_f64());
        }
        tokio::select! {
            () = tokio::time::sleep(REPORT_EVERY) => {}
            () = stopping.cancelled() => return,
        }
    }
}

const REPORT_EVERY: Duration = Duration::from_secs(1);
