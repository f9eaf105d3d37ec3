//! A yes from the phone, judged and committed: assertion first, then number, then one transaction (design
//! decision 9).

use std::time::Duration;

use serde_json::Value;

use crate::approval::{Approval, Approved, Judged, Pending, StoredApproval};
use crate::audit::{AuditEvent, EventKind};
use crate::base::{ApprovalId, TokenHash, UnixTime, sha256};
use crate::device::{Device, DeviceProof, DeviceRefusal, VerifiedAssertion, judge};
use crate::identity::Way;
use crate::ports::{AuthenticatorError, Ceremony, CommitOutcome, Decision, Evidence, ThrottleRule};

use super::{DecideError, Provider};

/// Wrong numbers of one person over all requests (design decision 12).
const WRONG_NUMBERS: ThrottleRule =
    ThrottleRule { name: "wrong_numbers", limit: 10, window: Duration::from_hours(1) };

impl Provider {
    pub(super) fn judge_assertion(
        &self,
        device: &Device,
        ceremony: &Ceremony,
        (response, way): (&Value, Way),
        now: UnixTime,
    ) -> Result<(VerifiedAssertion, DeviceProof), &'static str> {
        let finished = self.ports.authenticator.finish_assertion(&ceremony.state, response);
        let assertion = finished.map_err(|error| match error {
            AuthenticatorError::Refused(reason) => reason,
            AuthenticatorError::State(_) => "state",
        })?;
        let proof = judge(&assertion, device, way, now).map_err(DeviceRefusal::as_str)?;
        Ok((assertion, proof))
    }

    pub(super) async fn judge_number(
        &self,
        (mut version, mut approval): (u64, Approval<Pending>),
        device: &Device,
        typed: Option<&str>,
        proved: (Ceremony, VerifiedAssertion, DeviceProof),
        now: UnixTime,
    ) -> Result<(), DecideError> {
        if !self.ports.throttle.allows(WRONG_NUMBERS, device.person.uuid().as_bytes(), now).await? {
            return self.refuse_number(device, approval.request().id, "too_many_wrong_numbers", 0, now).await;
        }
        // A count lost to a parallel try is taken again on what that try left.
        loop {
            let id = approval.request().id;
            let claimed = StoredApproval::Pending(approval.clone());
            let (next, reason, tries_left) = match approval.approve(typed, proved.2.proof.clone(), now) {
                Judged::Approved(approved) => {
                    // Tries are judged one after the other, the right one too: in parallel none is free.
                    if self.ports.approvals.advance(version, &claimed).await? {
                        return self.commit(version.saturating_add(1), approved, device, proved, now).await;
                    }
                    (version, approval) = self.waiting_approval(device, id, now).await?;
                    continue;
                }
                Judged::OtherPerson(_) => return Err(DecideError::NotFound),
                Judged::Expired(_) => return Err(DecideError::Ended("expired")),
                Judged::Locked(locked) => (StoredApproval::Locked(locked), "number_locked", 0),
                Judged::WrongNumber(pending) => {
                    let left = pending.tries_left();
                    (StoredApproval::Pending(pending), "number_wrong", left)
                }
            };
            if self.ports.approvals.advance(version, &next).await? {
                self.ports.throttle.hit(WRONG_NUMBERS, device.person.uuid().as_bytes(), now).await?;
                return self.refuse_number(device, id, reason, tries_left, now).await;
            }
            (version, approval) = self.waiting_approval(device, id, now).await?;
        }
    }

    async fn refuse_number(
        &self,
        device: &Device,
        id: ApprovalId,
        reason: &'static str,
        tries_left: u8,
        now: UnixTime,
    ) -> Result<(), DecideError> {
        let event = self.refused(EventKind::ApprovalRefused, reason, now).with_device(device.id);
        self.ports.audit.append(&event.with_person(device.person).with_transaction(id.to_string())).await?;
        Err(DecideError::WrongNumber { tries_left })
    }

    pub(super) async fn refuse_assertion(
        &self,
        device: &Device,
        id: ApprovalId,
        reason: &'static str,
        now: UnixTime,
    ) -> Result<(), DecideError> {
        let event = self.refused(EventKind::ApprovalRefused, reason, now).with_device(device.id);
        self.ports.audit.append(&event.with_person(device.person).with_transaction(id.to_string())).await?;
        Err(DecideError::Assertion)
    }

    /// Counter, fences, evidence and audit in one transaction; then the ephemeral approval follows.
    async fn commit(
        &self,
        version: u64,
        approved: Approval<Approved>,
        device: &Device,
        (ceremony, assertion, proof): (Ceremony, VerifiedAssertion, DeviceProof),
        now: UnixTime,
    ) -> Result<(), DecideError> {
        let id = ceremony.approval;
        let text = approved.request().text.canonical().map_err(|_| DecideError::NotFound)?;
        let decision = Decision {
            approval: id,
            life: self.approval_life(approved.request().deadline, now),
            challenge: TokenHash::from_bytes(sha256(&[&ceremony.challenge])),
            device: device.id,
            sign_count: proof.sign_count,
            evidence: Evidence {
                approval: id,
                text,
                random: ceremony.random.to_vec(),
                client_data_json: assertion.client_data_json,
                authenticator_data: assertion.authenticator_data,
                signature: assertion.signature,
                credential_key: device.credential_key.clone(),
                rp_id: self.ports.authenticator.rp_id().to_owned(),
                decided_at: now,
            },
            proof: approved.state().proof.clone(),
        };
        let about = |event: AuditEvent| {
            event.with_device(device.id).with_person(device.person).with_transaction(id.to_string())
        };
        let granted = about(self.succeeded(EventKind::ApprovalDecision, "approved", now));
        let refused = about(self.refused(EventKind::ApprovalRefused, "refused", now));
        match self.ports.decisions.commit(&decision, &granted, &refused).await? {
            CommitOutcome::Committed => {
                // The row is the truth: a page that does not see this reads it after the deadline.
                self.settle(version, &StoredApproval::Approved(approved), now).await
            }
            CommitOutcome::Replayed => Err(self.decided_before(id).await?),
            CommitOutcome::CounterRegressed | CommitOutcome::DeviceRevoked => Err(DecideError::Assertion),
        }
    }
}
