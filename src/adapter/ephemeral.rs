//! What both ephemeral adapters agree on: under which key each value is kept, and until when.
//!
//! A key is `kind:base64url(SHA-256(id))`; of a token the id is the token itself, so that its [`TokenHash`] is the key.
//! No identifier appears in a key as it is.

use std::time::Duration;

use super::sealed_value::{Head, State};
use crate::approval::{Recipient, StoredApproval};
use crate::base::{
    ApprovalId, DeviceId, EnrolmentId, InteractionId, PersonId, TokenHash, UnixTime, base64url, sha256,
};
use crate::device::ActivationCodes;
use crate::interaction::Interaction;
use crate::ports::{PushedRequest, ReplayKind, Session, ThrottleRule};

/// How long an approval can be read after its deadline, so that who asked hears how it ended.
pub const APPROVAL_RETENTION: Duration = Duration::from_mins(2);

/// Where a value is kept. Its kind separates keys of values and keys of encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    kind: &'static str,
    key: String,
}

impl Place {
    /// An authorization code.
    #[must_use]
    pub fn code(code: &TokenHash) -> Self {
        Self::hashed("code", code)
    }

    /// A pushed authorization request.
    #[must_use]
    pub fn pushed(uri: &TokenHash) -> Self {
        Self::hashed("par", uri)
    }

    /// The assertion ceremony of an approval on a phone.
    #[must_use]
    pub fn ceremony(approval: ApprovalId, device: DeviceId) -> Self {
        Self::of("ceremony", &[approval.uuid().as_bytes(), device.uuid().as_bytes()])
    }

    /// An enrolment under way.
    #[must_use]
    pub fn enrolment(id: EnrolmentId) -> Self {
        Self::of("enrolment", &[id.uuid().as_bytes()])
    }

    /// A ticket to enrol a phone.
    #[must_use]
    pub fn enrolment_ticket(hash: &TokenHash) -> Self {
        Self::hashed("ticket", hash)
    }

    /// The activation codes of a person.
    #[must_use]
    pub fn activation(person: PersonId) -> Self {
        Self::of("activation", &[person.uuid().as_bytes()])
    }

    /// What awaits the answer of another provider.
    #[must_use]
    pub fn federation(state: &TokenHash) -> Self {
        Self::hashed("federation", state)
    }

    /// An interaction.
    #[must_use]
    pub fn interaction(id: InteractionId) -> Self {
        Self::of("interaction", &[id.uuid().as_bytes()])
    }

    /// An approval.
    #[must_use]
    pub fn approval(id: ApprovalId) -> Self {
        Self::of("approval", &[id.uuid().as_bytes()])
    }

    /// The list of a recipient's approvals.
    #[must_use]
    pub fn recipient(recipient: &Recipient) -> Self {
        Self::of("recipient", &[recipient.as_bytes()])
    }

    /// A browser session.
    #[must_use]
    pub fn session(cookie: &TokenHash) -> Self {
        Self::hashed("session", cookie)
    }

    /// An access-token record.
    #[must_use]
    pub fn access_token(token: &TokenHash) -> Self {
        Self::hashed("at", token)
    }

    /// An identifier seen once.
    #[must_use]
    pub fn seen(kind: ReplayKind, hash: &TokenHash) -> Self {
        match kind {
            ReplayKind::ClientAssertion { .. } => Self::hashed("assertion", hash),
            ReplayKind::DpopProof { .. } => Self::hashed("dpop", hash),
        }
    }

    /// A counter. Names of rules hold no zero byte, so that no two pairs meet.
    #[must_use]
    pub fn counter(rule: &ThrottleRule, subject: &[u8]) -> Self {
        Self::of("counter", &[rule.name.as_bytes(), &[0], subject])
    }

    /// The kind of value.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The whole key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    fn of(kind: &'static str, id: &[&[u8]]) -> Self {
        Self { kind, key: format!("{kind}:{}", base64url(sha256(id))) }
    }

    fn hashed(kind: &'static str, hash: &TokenHash) -> Self {
        Self { kind, key: format!("{kind}:{hash}") }
    }
}

/// The head of a person's activation codes; those of the demonstration have no deadline.
#[must_use]
pub fn activation_head(codes: &ActivationCodes) -> Head {
    Head::whole(codes.deadline.unwrap_or(UnixTime::from_millis(i64::MAX)))
}

/// The head of a pushed request: interactions that it opened may finish it after its own deadline.
#[must_use]
pub fn pushed_head(request: &PushedRequest) -> Head {
    Head::whole(request.deadline.max(request.kept_until))
}

/// The head of an interaction at `version`.
#[must_use]
pub const fn interaction_head(version: u64, interaction: &Interaction) -> Head {
    Head { version, state: State::Open, deadline: interaction.deadline }
}

/// The head of an approval at `version`; open while it is pending.
#[must_use]
pub fn approval_head(version: u64, approval: &StoredApproval) -> Head {
    let state = if matches!(approval, StoredApproval::Pending(_)) { State::Open } else { State::Closed };
    Head { version, state, deadline: approval.request().deadline.plus(APPROVAL_RETENTION) }
}

/// Whether an approval waits for its person: pending and before its own deadline, not that of its retention.
#[must_use]
pub fn is_waiting(approval: &StoredApproval, now: UnixTime) -> bool {
    matches!(approval, StoredApproval::Pending(_)) && now < approval.request().deadline
}

/// The head of a session at `version`: it ends by idleness or absolutely, whichever comes first.
#[must_use]
pub fn session_head(version: u64, session: &Session) -> Head {
    Head { version, state: State::Open, deadline: session.idle_end.min(session.absolute_end) }
}

/// What the provider did before this start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// Nothing: it has just been made, so that an empty store has forgotten nothing.
    None,
    /// It has run: an empty store has lost its memory.
    Some,
}
