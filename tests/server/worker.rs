//! The worker: jobs run again, survive their failures, and stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sceau::base::{Entropy, SeededEntropy};
use sceau::telemetry::Metrics;
use sceau::worker::{Job, Worker};

use super::LONG;

fn start(jobs: Vec<Job>) -> Worker {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
    Worker::start(jobs, &entropy)
}

/// Waits until `count` is at least `least`.
async fn reaches(count: &AtomicUsize, least: usize) {
    let reached = async {
        while count.load(Ordering::SeqCst) < least {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, reached).await.is_ok(), "{least} runs");
}

#[tokio::test]
async fn a_job_runs_at_once_and_again_until_it_is_stopped() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let worker = start(vec![Job::new("counting", Duration::from_millis(5), move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(()) }
    })]);
    reaches(&runs, 3).await;
    assert!(worker.stop(LONG).await);
    let at_the_end = runs.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(runs.load(Ordering::SeqCst), at_the_end);
}

#[tokio::test]
async fn a_failure_or_a_panic_does_not_end_a_job() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let worker = start(vec![Job::new("failing", Duration::from_millis(5), move || {
        let run = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            assert!(run != 1, "the second run panics, on purpose");
            Err("on purpose")
        }
    })]);
    reaches(&runs, 4).await;
    assert!(worker.stop(LONG).await);
}

#[tokio::test]
async fn a_run_under_way_is_waited_for_but_not_without_end() {
    let sleeping = |length: Duration| {
        Job::new("sleeping", Duration::from_mins(1), move || async move {
            tokio::time::sleep(length).await;
            Ok::<_, Infallible>(())
        })
    };
    let short = start(vec![sleeping(Duration::from_millis(100))]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(short.stop(LONG).await);
    let long = start(vec![sleeping(Duration::from_mins(1))]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!long.stop(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn the_time_since_the_last_good_run_is_a_metric() {
    let metrics = Metrics::install().unwrap();
    let worker = start(vec![Job::new("hanging", Duration::from_mins(1), || {
        std::future::pending::<Result<(), Infallible>>()
    })]);
    let grows = async {
        loop {
            let text = metrics.render();
            let line =
                text.lines().find(|line| line.starts_with("sceau_seconds_since_last_run{task=\"hanging\"}"));
            let seconds =
                line.and_then(|line| line.split(' ').next_back()).and_then(|n| n.parse::<f64>().ok());
            if seconds.is_some_and(|seconds| seconds >= 1.0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, grows).await.is_ok());
    worker.stop(Duration::from_millis(10)).await;
}
