//! The integration tests, in one binary on purpose: one link, tests in parallel.

mod domain;
#[cfg(test)]
mod http;
mod properties;
#[cfg(test)]
mod spec;
#[cfg(test)]
mod stores;
