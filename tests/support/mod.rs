//! The provider in this process, as the tests of several folders need it: real stores in memory, a clock that moves
//! when told, the router without a network, phones in software.

mod browser;
mod caller;
mod collector;
mod counting;
mod dpop;
mod failing;
mod harness;
mod held;
mod identities;
mod mail_server;
mod outbox;
mod page_browser;
mod relier;
mod relying_party;
mod replica;
mod sms_server;
mod transport;
mod wire;

pub(crate) use browser::{REDIRECT_URI, Waiting};
pub(crate) use caller::{Caller, Reply, plain, send};
pub(crate) use collector::{Collector, Spanned};
pub(crate) use counting::{Calls, counted};
pub(crate) use dpop::{DpopKey, Proof};
pub(crate) use failing::{Fails, Outage};
pub(crate) use harness::{Harness, ISSUER, SAMPLE, START, policy};
pub(crate) use held::Gate;
pub(crate) use identities::{identities, identity};
pub(crate) use mail_server::{Greeting, MailServer};
pub(crate) use outbox::Outbox;
pub(crate) use page_browser::{PageBrowser, SESSION, between, csrf, number, other_number};
pub(crate) use relier::{Relier, Shown, SignedIn, machine, page, reliance, shown};
pub(crate) use relying_party::{Ask, Service, VERIFIER, registration, wire_url};
pub(crate) use replica::routes;
pub(crate) use sms_server::{Reaction, SmsServer};
pub(crate) use transport::Intercept;
use transport::RouterTransport;
pub(crate) use wire::{Received, bare, encoded, exchange, form};

/// Persons of the sample extract.
pub(crate) const CAMILLE: &str = "899700000013";
pub(crate) const HUGO: &str = "899700000021";
/// Well formed, and nobody's.
pub(crate) const NOBODY: &str = "899700099999";
