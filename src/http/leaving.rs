//! That this process is about to end: requests are answered, and everybody is told to go elsewhere.

use tokio::sync::watch;

/// Set once; its clones are one.
#[derive(Clone, Debug, Default)]
pub struct Leaving(watch::Sender<bool>);

impl Leaving {
    /// From now on: not ready, connections end with their next answer, and nobody waits here.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it begins.
    pub async fn begun(&self) {
        // `self` keeps the sender alive.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}
