//! What waits in memory under a name that nobody guesses, each for its time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::UnixTime;

/// Values kept; the oldest goes first.
const MOST: usize = 1000;

/// Values by name.
pub(super) struct Held<T>(Mutex<VecDeque<Entry<T>>>);

struct Entry<T> {
    name: String,
    deadline: UnixTime,
    value: T,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Held<T> {
    /// Keeps `value` under `name` until `deadline`.
    pub(super) fn put(&self, name: &str, deadline: UnixTime, value: T) {
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back(Entry { name: name.to_owned(), deadline, value });
    }

    /// What is under `name`, which stays.
    pub(super) fn get(&self, name: &str, now: UnixTime) -> Option<T> {
        let kept = self.lock();
        kept.iter().find(|entry| entry.name == name && now < entry.deadline).map(|entry| entry.value.clone())
    }

    /// What is under `name`, once.
    pub(super) fn take(&self, name: &str, now: UnixTime) -> Option<T> {
        let mut kept = self.lock();
        let place = kept.iter().position(|entry| entry.name == name)?;
        kept.remove(place).filter(|entry| now < entry.deadline).map(|entry| entry.value)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
