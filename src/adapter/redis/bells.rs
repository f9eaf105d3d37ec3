//! Who waits for a change of an approval, in this process. A bell rings for all approvals that hash alike: who
//! hears it reads again.

use std::hash::{BuildHasher as _, RandomState};

use tokio::sync::Notify;

/// A fixed number of bells, one of which belongs to each key.
pub(super) struct Bells {
    all: Box<[Notify]>,
    /// For a key without a bell: there is none.
    spare: Notify,
    hasher: RandomState,
}

impl Bells {
    pub(super) fn new() -> Self {
        let all = (0..BELLS).map(|_| Notify::new()).collect();
        Self { all, spare: Notify::new(), hasher: RandomState::new() }
    }

    /// The bell of `key`.
    pub(super) fn of(&self, key: &[u8]) -> &Notify {
        let hash = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        self.all.get(hash % BELLS).unwrap_or(&self.spare)
    }

    /// Rings all: a message may have been lost.
    pub(super) fn ring_all(&self) {
        self.all.iter().for_each(Notify::notify_waiters);
    }
}

const BELLS: usize = 1024;
