//! The integration tests, in one binary on purpose: one link, tests in parallel.

mod domain;
