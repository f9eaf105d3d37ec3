//! The integration tests, in one binary on purpose: one link, tests in parallel.

mod domain;
// `cfg(test)` tells clippy that the helpers of the tests are tests too.
#[cfg(test)]
mod properties;
mod domain;
#[cfg(test)]
mod spec;
#[cfg(test)]
mod stores;
