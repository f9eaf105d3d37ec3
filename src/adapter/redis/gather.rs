//! Lets the commands of many requests leave by one write.
//!
//! The task that writes to a connection is woken by each command. The runtime lets a task that was just woken run next,
//! before all others that are ready, so that each command would be written alone, by a call of the system. Waking a
//! task that does nothing takes that place: the writer runs after those that are ready, whose commands it then finds.
//! When none is, it runs at once, as before. Order and meaning do not depend on this.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::Notify;
use tokio::task::JoinSet;

/// The task that does nothing.
pub(super) struct Gathering {
    passed: Arc<Notify>,
    _bystander: JoinSet<()>,
}

impl Gathering {
    /// Within a tokio runtime.
    pub(super) fn new() -> Self {
        let passed = Arc::new(Notify::new());
        let mut bystander = JoinSet::new();
        let woken = Arc::clone(&passed);
        bystander.spawn(async move {
            loop {
                woken.notified().await;
            }
        });
        Self { passed, _bystander: bystander }
    }

    /// Awaits `call`, whose first step hands a command to the writer.
    pub(super) async fn hand_over<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        if let Poll::Ready(answer) = first {
            return answer;
        }
        self.passed.notify_one();
        call.await
    }
}
