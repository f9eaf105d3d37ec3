//! A fixed number of equal things, one of which belongs to each key: locks and bells without a table to clean.

use std::hash::{BuildHasher, Hash, RandomState};

/// A fixed number of `T`, chosen by the hash of a key. The hash is keyed at random, so that nobody outside can aim
/// at one of them.
pub(super) struct Striped<T> {
    first: T,
    rest: Box<[T]>,
    hasher: RandomState,
}

impl<T> Striped<T> {
    /// `count` things, one at least.
    pub(super) fn new(count: usize, make: impl Fn() -> T) -> Self {
        let rest = (1..count).map(|_| make()).collect();
        Self { first: make(), rest, hasher: RandomState::new() }
    }

    /// The one that belongs to `key`.
    pub(super) fn of<K: Hash + ?Sized>(&self, key: &K) -> &T {
        let hash = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        self.rest.get(hash % (self.rest.len() + 1)).unwrap_or(&self.first)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}
