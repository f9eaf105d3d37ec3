//! The integration tests, in one binary on purpose: one link, tests in parallel.

// `cfg(test)` tells clippy that the helpers of the tests are tests too.
#[cfg(test)]
mod adapters;
#[cfg(test)]
mod config;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod domain;
#[cfg(test)]
mod http;
#[cfg(test)]
mod journeys;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod server;
#[cfg(test)]
mod spec;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod support;
