//! The phone's side of an approval (design, "The walk", step 3). The module order is the order of the calls.
//!
//! 1. [`Provider::pending_approvals`]: what waits for this person, without the numbers
//! 2. [`Provider::challenge`]: a ceremony of one minute, taken once
//! 3. [`Provider::decide_approval`]: assertion, then number, then one transaction

use serde_json::Value;

use crate::approval::{Approval, ApprovalText, Pending, StoredApproval, challenge};
use crate::audit::{AuditEvent, EventKind};
use crate::base::{ApprovalId, EntropyExt, UnixTime};
use crate::device::Device;
use crate::ports::{Ceremony, FenceLife, Versioned};

use super::{AuthenticatedDevice, FlowError, Provider};

/// An approval as the phone lists it.
pub struct ApprovalView {
    /// Identifier.
    pub id: ApprovalId,
    /// The text to show and sign.
    pub text: ApprovalText,
    /// Deadline.
    pub deadline: UnixTime,
    /// A number must be typed.
    pub number_required: bool,
}

impl ApprovalView {
    pub(super) fn of(stored: &StoredApproval) -> Self {
        let request = stored.request();
        Self {
            id: request.id,
            text: request.text.clone(),
            deadline: request.deadline,
            number_required: request.number.number().is_some(),
        }
    }
}

/// A ceremony begun.
pub struct ChallengeView {
    /// Random part of the challenge.
    pub random: [u8; 32],
    /// The text to show and sign.
    pub text: ApprovalText,
    /// `PublicKeyCredentialRequestOptionsJSON`.
    pub options: Value,
}

/// What the person decided.
pub enum PhoneDecision {
    /// Yes, with the number and the assertion.
    Approve {
        /// The number typed.
        number: Option<crate::base::Secret>,
        /// `AuthenticationResponseJSON`.
        assertion: Value,
    },
    /// No.
    Deny {
        /// "It was not me."
        reported: bool,
    },
}

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// No such approval for this phone.
    #[error("approval not found")]
    NotFound,
    /// Another phone has claimed it.
    #[error("approval claimed by another phone")]
    Claimed,
    /// Too many claims by this phone.
    #[error("too many claims")]
    Throttled,
    /// It is over; how it ended.
    #[error("approval ended: {0}")]
    Ended(&'static str),
    /// The assertion is refused; the same answer whatever the reason.
    #[error("assertion refused")]
    Assertion,
    /// The number is wrong.
    #[error("wrong number")]
    WrongNumber {
        /// Tries left; at zero the approval is over.
        tries_left: u8,
    },
    /// A port.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

impl From<crate::ports::PortError> for DecideError {
    fn from(error: crate::ports::PortError) -> Self {
        Self::Flow(error.into())
    }
}

impl Provider {
    /// What waits for the person of this phone.
    pub async fn pending_approvals(
        &self,
        device: &AuthenticatedDevice,
    ) -> Result<Vec<ApprovalView>, FlowError> {
        let now = self.now();
        let Device { id, person, .. } = *device.device();
        let waiting = self.ports.approvals.list(&self.recipient_of(device.holder()), now).await?;
        let claimed = self.ports.approvals.list(&self.recipient_of_claims(id), now).await?;
        let own = waiting.into_iter().chain(claimed).map(|stored| stored.value);
        let own = own.filter(|stored| {
            let request = stored.request();
            request.person == Some(person) && request.claim.admits(id)
        });
        let mut own: Vec<StoredApproval> = own.collect();
        own.sort_by_key(|stored| stored.request().created);
        Ok(own.iter().map(ApprovalView::of).collect())
    }

    /// Begins a ceremony for an approval that waits. An earlier one of the same phone is replaced.
    pub async fn challenge(
        &self,
        device: &AuthenticatedDevice,
        id: ApprovalId,
    ) -> Result<ChallengeView, DecideError> {
        let now = self.now();
        let device = device.device();
        let (_, approval) = self.waiting_approval(device, id, now).await?;
        let text = approval.request().text.clone();
        let random = self.ports.entropy.bytes::<32>();
        let challenge = challenge(&text, &random).map_err(|_| DecideError::NotFound)?;
        let begun = self
            .ports
            .authenticator
            .begin_assertion(&device.credential, challenge)
            .map_err(|error| corrupt(&error))?;
        let ceremony = Ceremony {
            approval: id,
            device: device.id,
            challenge,
            random,
            state: begun.state,
            deadline: now.plus(self.policy.lifetimes.ceremony),
        };
        self.ports.one_shot.put_ceremony(&ceremony).await?;
        Ok(ChallengeView { random, text, options: begun.options })
    }

    /// Takes the person's decision.
    pub async fn decide_approval(
        &self,
        device: &AuthenticatedDevice,
        id: ApprovalId,
        decision: PhoneDecision,
    ) -> Result<(), DecideError> {
        let now = self.now();
        let (device, holder) = (device.device(), device.holder());
        match decision {
            PhoneDecision::Deny { reported } => self.deny(device, id, reported, now).await,
            PhoneDecision::Approve { number, assertion } => {
                // Taken before anything is judged: it works once, whatever comes of it.
                let ceremony = self.ports.one_shot.take_ceremony(id, device.id, now).await?;
                let waiting = self.waiting_approval(device, id, now).await?;
                let way = waiting.1.request().claim.way();
                let Some(ceremony) = ceremony else {
                    return self.refuse_assertion(device, id, "no_ceremony", now).await;
                };
                let (assertion, proof) = match self.judge_assertion(device, &ceremony, (&assertion, way), now)
                {
                    Ok(judged) => judged,
                    Err(reason) => return self.refuse_assertion(device, id, reason, now).await,
                };
                // A first link is only made to a person without any phone: every phone of theirs came after it.
                let proof = proof.in_cooling(holder.cooling_until, now);
                let typed = number.as_ref().map(crate::base::Secret::expose);
                self.judge_number(waiting, device, typed, (ceremony, assertion, proof), now).await
            }
        }
    }

    pub(super) async fn waiting_approval(
        &self,
        device: &Device,
        id: ApprovalId,
        now: UnixTime,
    ) -> Result<(u64, Approval<Pending>), DecideError> {
        let stored = self.ports.approvals.load(id, now).await?;
        let own = |stored: &Versioned<StoredApproval>| {
            let request = stored.value.request();
            request.person == Some(device.person) && request.claim.admits(device.id)
        };
        let Some(Versioned { version, value }) = stored.filter(own) else {
            let event = self.refused(EventKind::ApprovalRefused, "not_found", now);
            self.ports.audit.append(&event.with_device(device.id).with_transaction(id.to_string())).await?;
            return Err(DecideError::NotFound);
        };
        let (ended, reason) = match value.seen_at(now) {
            StoredApproval::Pending(approval) => return Ok((version, approval)),
            StoredApproval::Approved(_) => ("approved", "approval_replayed"),
            StoredApproval::Denied(_) => ("denied", "approval_denied"),
            StoredApproval::Expired(_) => ("expired", "approval_expired"),
            StoredApproval::Locked(_) => ("locked", "approval_locked"),
        };
        let event = self.refused(EventKind::ApprovalRefused, reason, now);
        self.ports.audit.append(&event.with_device(device.id).with_transaction(id.to_string())).await?;
        Err(DecideError::Ended(ended))
    }

    async fn deny(
        &self,
        device: &Device,
        id: ApprovalId,
        reported: bool,
        now: UnixTime,
    ) -> Result<(), DecideError> {
        let (version, approval) = self.waiting_approval(device, id, now).await?;
        let Ok(denied) = approval.deny(now, reported) else { return Err(DecideError::Ended("expired")) };
        let about = |event: AuditEvent| {
            event.with_device(device.id).with_person(device.person).with_transaction(id.to_string())
        };
        let kind = if reported { EventKind::ApprovalReported } else { EventKind::ApprovalDecision };
        let event = about(self.refused(kind, "denied", now));
        let late = about(self.refused(EventKind::ApprovalRefused, "refused", now));
        // A refusal that was acknowledged holds against a yes that is on its way from another phone.
        let life = self.approval_life(denied.request().deadline, now);
        if !self.ports.decisions.deny(id, life, &event, &late).await? {
            return Err(self.decided_before(id).await?);
        }
        self.settle(version, &StoredApproval::Denied(denied), now).await
    }

    /// The times of an approval's fences.
    pub(super) fn approval_life(&self, deadline: UnixTime, now: UnixTime) -> FenceLife {
        FenceLife { expires: deadline, until: now.plus(self.policy.lifetimes.session) }
    }

    /// How an approval that is used up ended.
    pub(super) async fn decided_before(&self, id: ApprovalId) -> Result<DecideError, DecideError> {
        let approved = self.ports.decisions.find(id).await?.is_some();
        Ok(DecideError::Ended(if approved { "approved" } else { "denied" }))
    }

    /// Lets the ephemeral approval follow what was committed, past tries counted in between.
    pub(super) async fn settle(
        &self,
        mut version: u64,
        settled: &StoredApproval,
        now: UnixTime,
    ) -> Result<(), DecideError> {
        while !self.ports.approvals.advance(version, settled).await? {
            match self.ports.approvals.load(settled.request().id, now).await? {
                Some(Versioned { version: moved, value: StoredApproval::Pending(_) }) => version = moved,
                // Settled or gone: who waits reads the row after the deadline.
                _ => break,
            }
        }
        Ok(())
    }
}

fn corrupt(error: &crate::ports::AuthenticatorError) -> FlowError {
    crate::ports::PortError::Corrupt(error.to_string()).into()
}
