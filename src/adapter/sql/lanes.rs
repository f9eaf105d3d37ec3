//! Who may write: as many at a time as there are places, each with an audit lane of its own.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::audit::Lane;
use crate::ports::{PortError, PortResult};

/// The places of one process. SQLite has one.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    places: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Lane>>>,
}

/// A place held. Dropped without its lane, that lane is closed and the next writer opens another.
pub(super) struct Turn {
    pub(super) lane: Option<Lane>,
    idle: Arc<Mutex<Vec<Lane>>>,
    // Given back after the lane: a field is dropped after `drop` has run.
    _place: OwnedSemaphorePermit,
}

impl Lanes {
    pub(super) fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), idle: Arc::default() }
    }

    /// First come, first served. The lane used last is taken first: few lanes are long ones.
    pub(super) async fn turn(&self) -> PortResult<Turn> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|error| PortError::Unavailable(error.to_string()))?;
        let lane = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Turn { lane, idle: Arc::clone(&self.idle), _place: place })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
        }
    }
}
