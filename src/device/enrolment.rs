//! The enrolment of a phone: what is remembered between its start and its finish, and the proof that opens it.
//!
//! NIST SP 800-63B-4 4.1 (binding an authenticator), `WebAuthn Level 3` 7.1. The challenge is computed in
//! `approval`, the attestation judged in this folder's `attestation`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ActivationMode;
use crate::base::{EnrolmentId, PersonId, Secret, TokenHash, UnixTime};
use crate::identity::Acr;
use crate::jose::Thumbprint;

/// Wrong activation codes after which they are void.
pub const MAX_CODE_TRIES: u8 = 5;

/// An enrolment between start and finish; taken once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEnrolment {
    /// Its identifier.
    pub id: EnrolmentId,
    /// Who enrols, as far as the proof tells.
    pub person: Option<PersonId>,
    /// Thumbprint of the request key (RFC 7638): the finish must carry the same.
    pub jkt: Thumbprint,
    /// Our share of the challenge.
    pub server_challenge: [u8; 32],
    /// State of the authenticator adapter.
    pub ceremony: String,
    /// The activation codes used, by hash.
    pub codes: Option<TokenHash>,
    /// From what instant on those are void.
    #[serde(default)]
    pub codes_deadline: Option<UnixTime>,
    /// By what the device will have been activated.
    pub activation_mode: ActivationMode,
    /// What the proof is worth.
    pub enrolment: Acr,
    /// From this instant on it is void.
    pub deadline: UnixTime,
}

impl fmt::Debug for PendingEnrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingEnrolment")
            .field("id", &self.id)
            .field("person", &self.person)
            .field("activation_mode", &self.activation_mode)
            .field("enrolment", &self.enrolment)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// The proof with which an enrolment begins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum EnrolmentProof {
    /// One code sent by mail, another by telephone, to the addresses of the national directory.
    ContactCodes {
        /// The code of the mail.
        #[serde(deserialize_with = "secret")]
        email: Secret,
        /// The code of the telephone.
        #[serde(deserialize_with = "secret")]
        phone: Secret,
    },
    /// A ticket shown by a page on which the person is signed in.
    Ticket {
        /// The ticket.
        #[serde(deserialize_with = "secret")]
        ticket: Secret,
    },
}

/// The activation codes sent to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationCodes {
    /// Whose.
    pub person: PersonId,
    /// Hash of the code sent by mail.
    pub email: TokenHash,
    /// Hash of the code sent by telephone.
    pub phone: TokenHash,
    /// Wrong tries so far.
    pub tries: u8,
    /// From this instant on they are void; none only in the demonstration.
    pub deadline: Option<UnixTime>,
}

/// What typed codes gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodesVerdict {
    /// Both right: to be consumed.
    Right,
    /// One or both wrong, which one is not told; to be stored with one try more.
    Wrong(ActivationCodes),
    /// Too many tries: void.
    Locked,
    /// Too late: void.
    Expired,
}

impl ActivationCodes {
    /// Judges the two codes together. The same code on both channels is never right: it would prove one.
    #[must_use]
    pub fn judge(self, email: &str, phone: &str, now: UnixTime) -> CodesVerdict {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return CodesVerdict::Expired;
        }
        if self.tries >= MAX_CODE_TRIES {
            return CodesVerdict::Locked;
        }
        // Both are always compared: the time taken does not tell which one is wrong.
        let right = self.email.matches(&TokenHash::of(email))
            & self.phone.matches(&TokenHash::of(phone))
            & !self.email.matches(&self.phone);
        if right {
            return CodesVerdict::Right;
        }
        let tries = self.tries.saturating_add(1);
        if tries >= MAX_CODE_TRIES {
            return CodesVerdict::Locked;
        }
        CodesVerdict::Wrong(Self { tries, ..self })
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}
