//! What runs by itself while the provider serves.

use std::time::Duration;

use crate::telemetry::Metrics;
use crate::worker::Job;

use super::{App, audit_jobs, key_metrics};

impl App {
    /// The periodic jobs of one replica.
    #[must_use]
    pub fn jobs(&self, metrics: Option<Metrics>) -> Vec<Job> {
        let (sweeper, reader, purger) = (self.provider.clone(), self.provider.clone(), self.clone());
        let watcher = self.provider.clone();
        let seal_keys = self.seal_keys.clone();
        let mut jobs = vec![
            audit_jobs::ordering(&self.provider),
            // A replica serves a new key at most `poll` after its publication.
            Job::new("keys", KEYS_EVERY.min(self.provider.policy.keys.poll), move || {
                let provider = sweeper.clone();
                async move {
                    let swept = provider.sweep_keys().await;
                    key_metrics::report(&provider);
                    swept
                }
            }),
            Job::new("seal_keys", Duration::from_secs(10), move || {
                let keys = seal_keys.clone();
                async move { keys.refresh().await }
            }),
            Job::new("cutoffs", Duration::from_secs(1), move || {
                let provider = reader.clone();
                async move { provider.refresh_cutoffs().await }
            }),
            Job::new("high_water", HIGH_WATER_EVERY, move || {
                let provider = watcher.clone();
                async move { provider.watch_store().await }
            }),
            Job::new("purge", Duration::from_secs(30), move || {
                let app = purger.clone();
                async move { app.purge().await }
            }),
        ];
        let keeper = self.clone();
        jobs.push(Job::new("partitions", PARTITIONS_EVERY, move || {
            let app = keeper.clone();
            async move { app.keep_partitions().await }
        }));
        if self.keys.has_token() {
            let keys = self.keys.clone();
            jobs.push(Job::new("token", Duration::from_secs(30), move || {
                let keys = keys.clone();
                async move { keys.tidy_token().await }
            }));
        }
        if let Some(metrics) = metrics {
            jobs.push(Job::new("metrics", Duration::from_secs(5), move || {
                metrics.upkeep();
                async { Ok::<(), std::convert::Infallible>(()) }
            }));
        }
        jobs
    }
}

/// Several days are made ahead: one run a day would be enough.
const PARTITIONS_EVERY: Duration = Duration::from_mins(10);
const HIGH_WATER_EVERY: Duration = Duration::from_secs(2);
const KEYS_EVERY: Duration = Duration::from_secs(10);
