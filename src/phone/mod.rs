//! Layer 9: a phone in software, for demonstrations, load and tests: client and authenticator of `/mobile/v1`.
//!
//! Covers the client side of `WebAuthn Level 3` (5.8.1 client data, 6.1 authenticator data, 6.5 attestation, 8.2
//! packed) and of RFC 9449 (proof of the request key). Its keys lie in a file of mode 0600: it shows what a real
//! phone does, and is none. It computes every challenge itself from what the server says, never with the
//! server's code, and refuses to sign any other. Imports `base` and `jose` only.

mod authenticator;
mod client;
mod decisions;
mod dpop;
mod enrolment;
mod error;
mod http_transport;
mod state;
mod test_root;
mod transport;
mod wire;

pub use authenticator::{Faults, SOFTWARE_PHONE_AAGUID};
pub use client::{Phone, Surroundings};
pub use decisions::Decided;
pub use enrolment::Attestation;
pub use error::{PhoneError, Refusal};
pub use http_transport::HttpTransport;
pub use test_root::{TEST_ROOT_NAME, TEST_ROOT_OID, TestRoot};
pub use transport::{Call, Reply, Transport, TransportError};
pub use wire::{EnrolledDevice, PendingApproval, ShownText};
