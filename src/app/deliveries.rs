//! The worker of the message queue, from its start to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::adapter::message_queue::{QueueWorker, Stage};
use crate::ports::DeliveryObserver;

/// Messages under way. Dropping it gives them up; [`Deliveries::stop`] lets them end.
#[derive(Debug)]
pub struct Deliveries {
    stage: watch::Sender<Stage>,
    tasks: TaskTracker,
}

impl Deliveries {
    /// Starts `worker` within a tokio runtime; `observer` hears how each message ended.
    #[must_use]
    pub fn start(worker: QueueWorker, observer: Arc<dyn DeliveryObserver>) -> Self {
        let (stage, watched) = watch::channel(Stage::Open);
        let tasks = TaskTracker::new();
        tasks.spawn(worker.run(observer, watched));
        tasks.close();
        Self { stage, tasks }
    }

    /// Takes no message any more, tries those that wait once, for `patience` at most, and then gives up the rest, which
    /// the observer hears. Says whether all had ended before that.
    pub async fn stop(self, patience: Duration) -> bool {
        self.stage.send_replace(Stage::Draining);
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_ok() {
            return true;
        }
        self.stage.send_replace(Stage::Cut);
        // The audit rows of what was given up.
        let _ = tokio::time::timeout(PARTING, self.tasks.wait()).await;
        false
    }
}

const PARTING: Duration = Duration::from_secs(2);
