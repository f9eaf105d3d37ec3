//! The provider in this process, as the tests of several folders need it: real stores in memory, a clock that moves
//! when told, the router without a network, phones in software.

mod browser;
mod caller;
mod harness;
mod outbox;
mod transport;

pub(crate) use browser::{REDIRECT_URI, Waiting};
pub(crate) use caller::{Caller, Reply, plain, send};
pub(crate) use harness::{Harness, ISSUER, START, policy};
pub(crate) use outbox::Outbox;
pub(crate) use transport::Intercept;
use transport::RouterTransport;

/// Persons of the sample extract.
pub(crate) const CAMILLE: &str = "899700000013";
pub(crate) const HUGO: &str = "899700000021";
/// Well formed, and nobody's.
pub(crate) const NOBODY: &str = "899700099999";
