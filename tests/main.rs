//! The integration tests, in one binary on purpose: one link, tests in parallel.
#![expect(missing_docs, reason = "test names say it")]


// `cfg(test)` tells clippy that the helpers of the tests are tests too.
#[cfg(test)]
mod spec;
