//! How many connections each source has open here.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::{Network, Source};

/// Open connections by source. Proxies that are trusted carry many sources and are not counted.
pub(super) struct Sources {
    most: usize,
    uncounted: Vec<Network>,
    open: Mutex<HashMap<Source, usize>>,
}

impl Sources {
    pub(super) fn new(most: usize, uncounted: Vec<Network>) -> Arc<Self> {
        Arc::new(Self { most, uncounted, open: Mutex::default() })
    }

    /// A connection of `address`; none when its source has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Entered> {
        if self.uncounted.iter().any(|network| network.contains(address)) {
            return Some(Entered(None));
        }
        let source = Source::of(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(source).or_default();
        if *count >= self.most {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Entered(Some((Arc::clone(self), source))))
    }

    fn leave(&self, source: Source) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = open.entry(source) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// A connection that is counted until this is dropped.
pub(super) struct Entered(Option<(Arc<Sources>, Source)>);

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some((sources, source)) = &self.0 {
            sources.leave(*source);
        }
    }
}
