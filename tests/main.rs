//! The integration tests, in one binary on purpose: one link, tests in parallel.
#![expect(missing_docs, reason = "test names say it")]

mod spec;
