//! The states of an approval: pending, then approved, denied, expired or locked, once and for good.
//!
//! `OpenID Connect CIBA Core 1.0`, 7.3 and 11 (what a client hears of it is said elsewhere). Typestate in
//! memory, an enum in store. Order at a decision: the assertion is judged before (a bad one is not a try),
//! then deadline, person and number here.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ApprovalText, Claim, Claimant, NumberSource};
use crate::base::{ApprovalId, ClientId, InteractionId, PersonId, UnixTime, base64url, from_base64url};
use crate::identity::{Acr, AuthenticationProof, Way};

/// Wrong numbers after which an approval is locked.
pub const MAX_TRIES: u8 = 3;

/// Keyed hash of the identifier that was typed: whom the approval is for, known to us or not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipient([u8; 32]);

impl Recipient {
    /// The recipient kept as `hash`.
    #[must_use]
    pub const fn from_bytes(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        base64url(recipient.0)
    }
}

impl TryFrom<String> for Recipient {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = from_base64url(&text).map_err(|_| "not base64url")?;
        bytes.try_into().map(Self).map_err(|_| "not 32 bytes")
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(self.0))
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient([redacted])")
    }
}

/// What is asked, of whom, by whom, until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// Its identifier.
    pub id: ApprovalId,
    /// Under which it is listed.
    pub recipient: Recipient,
    /// Who may answer; none when the identifier is unknown: then nobody can.
    pub person: Option<PersonId>,
    /// The client that asks.
    pub client: ClientId,
    /// The interaction of one browser it serves; none for CIBA.
    pub interaction: Option<InteractionId>,
    /// What the phone shows.
    pub text: ApprovalText,
    /// Which phone may answer.
    #[serde(default)]
    pub claim: Claim,
    /// The number to type, and where it comes from.
    pub number: NumberSource,
    /// When it was opened.
    pub created: UnixTime,
    /// From this instant on it is expired.
    pub deadline: UnixTime,
}

/// An approval in state `S`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval<S> {
    request: Box<ApprovalRequest>,
    state: S,
}

/// Waits for the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Wrong numbers so far.
    pub tries: u8,
}

/// Approved on a phone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approved {
    /// What the phone proved.
    pub proof: AuthenticationProof,
    /// When.
    pub at: UnixTime,
}

/// Refused on a phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// When.
    pub at: UnixTime,
    /// The person says that they did not ask for it.
    pub reported: bool,
}

/// Nobody answered in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {}

/// Too many wrong numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// When.
    pub at: UnixTime,
}

impl<S> Approval<S> {
    /// What is asked.
    #[must_use]
    pub fn request(&self) -> &ApprovalRequest {
        &self.request
    }

    /// The facts of its state.
    #[must_use]
    pub const fn state(&self) -> &S {
        &self.state
    }

    fn into<T>(self, state: T) -> Approval<T> {
        Approval { request: self.request, state }
    }
}

/// What a typed number and a proof gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Judged {
    /// Right number, right person, in time.
    Approved(Approval<Approved>),
    /// Wrong or missing number; one try less.
    WrongNumber(Approval<Pending>),
    /// The proof is of a person who was not asked; not a try (WebAuthn L3 7.2).
    OtherPerson(Approval<Pending>),
    /// The last try was wrong.
    Locked(Approval<Locked>),
    /// Too late.
    Expired(Approval<Expired>),
}

impl Approval<Pending> {
    /// Opens an approval.
    #[must_use]
    pub fn open(request: ApprovalRequest) -> Self {
        Self { request: Box::new(request), state: Pending { tries: 0 } }
    }

    /// Judges a decision to approve: `typed` is what the person typed, `proof` what their device proved.
    #[must_use]
    pub fn approve(self, typed: Option<&str>, proof: AuthenticationProof, now: UnixTime) -> Judged {
        if self.is_late(now) {
            return Judged::Expired(self.into(Expired {}));
        }
        let admitted = proof.device.is_none_or(|device| self.request.claim.admits(device));
        if self.request.person != Some(proof.person) || !admitted {
            return Judged::OtherPerson(self);
        }
        if self.number_is(typed) {
            let proof = self.capped(proof);
            return Judged::Approved(self.into(Approved { proof, at: now }));
        }
        let tries = self.state.tries.saturating_add(1);
        if tries >= MAX_TRIES {
            return Judged::Locked(self.into(Locked { at: now }));
        }
        Judged::WrongNumber(self.into(Pending { tries }))
    }

    /// The same, answered by the phone that claims it.
    pub(super) fn claimed(mut self, claimant: &Claimant) -> Self {
        self.request.person = Some(claimant.person);
        self.request.recipient = claimant.recipient;
        self.request.claim = Claim::By(claimant.device);
        self
    }

    /// Wrong numbers that may still follow before it locks.
    #[must_use]
    pub const fn tries_left(&self) -> u8 {
        MAX_TRIES.saturating_sub(self.state.tries)
    }

    /// Refuses it; `reported` when the person says that they did not ask.
    ///
    /// # Errors
    /// The expired approval, when the deadline has passed.
    pub fn deny(self, now: UnixTime, reported: bool) -> Result<Approval<Denied>, Approval<Expired>> {
        if self.is_late(now) {
            return Err(self.into(Expired {}));
        }
        Ok(self.into(Denied { at: now, reported }))
    }

    /// Without a number, a remote request is only read and confirmed: `eidas1` at most. A link or a code read
    /// on the phone has its own ceiling.
    fn capped(&self, mut proof: AuthenticationProof) -> AuthenticationProof {
        let confirmed_only = self.request.number.number().is_none() && proof.terms.way == Way::TypedNumber;
        if confirmed_only && proof.terms.authenticator > Acr::Eidas1 {
            proof.terms.authenticator = Acr::Eidas1;
            proof.terms.authenticator_reason = String::from("no_number");
        }
        proof
    }

    fn is_late(&self, now: UnixTime) -> bool {
        now >= self.request.deadline
    }

    fn number_is(&self, typed: Option<&str>) -> bool {
        match (self.request.number.number(), typed) {
            (Some(number), Some(typed)) => number.matches(typed),
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}

/// An approval as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", content = "approval", rename_all = "lowercase")]
pub enum StoredApproval {
    /// See [`Pending`].
    Pending(Approval<Pending>),
    /// See [`Approved`].
    Approved(Approval<Approved>),
    /// See [`Denied`].
    Denied(Approval<Denied>),
    /// See [`Expired`].
    Expired(Approval<Expired>),
    /// See [`Locked`].
    Locked(Approval<Locked>),
}

impl StoredApproval {
    /// What is asked.
    #[must_use]
    pub fn request(&self) -> &ApprovalRequest {
        match self {
            Self::Pending(approval) => approval.request(),
            Self::Approved(approval) => approval.request(),
            Self::Denied(approval) => approval.request(),
            Self::Expired(approval) => approval.request(),
            Self::Locked(approval) => approval.request(),
        }
    }

    /// The approval as it is at `now`: one still pending at its deadline has expired.
    #[must_use]
    pub fn seen_at(self, now: UnixTime) -> Self {
        match self {
            Self::Pending(approval) if approval.is_late(now) => Self::Expired(approval.into(Expired {})),
            other => other,
        }
    }
}

impl From<Judged> for StoredApproval {
    fn from(judged: Judged) -> Self {
        match judged {
            Judged::Approved(approval) => Self::Approved(approval),
            Judged::WrongNumber(approval) | Judged::OtherPerson(approval) => Self::Pending(approval),
            Judged::Locked(approval) => Self::Locked(approval),
            Judged::Expired(approval) => Self::Expired(approval),
        }
    }
}
