//! Enrolled phones: what an assertion proves, what an attestation is worth, how an enrolment begins.
//!
//! `WebAuthn Level 3` 7.1 and 7.2, the steps that are policy. Parsing and signatures are the authenticator
//! port's work: here its facts are judged, and nothing is stored.

mod attestation;
mod credential;
mod enrolment;
mod message;

pub use attestation::{AttestationFacts, AttestationFormat, AttestationPolicy, AttestationRefusal, assess};
pub use credential::{
    ActivationMode, Device, DeviceFacts, DeviceProof, DeviceRefusal, DeviceStatus, VerifiedAssertion, judge,
};
pub use enrolment::{ActivationCodes, CodesVerdict, EnrolmentProof, MAX_CODE_TRIES, PendingEnrolment};
pub use message::{Channel, Content};
