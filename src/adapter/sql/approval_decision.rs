//! Decisions made on phones: fences, standing, counter, evidence and audit in one transaction.

use async_trait::async_trait;
use uuid::Uuid;

use super::fence;
use super::gate::Passing;
use super::group_commit::GroupCommit;
use super::group_read::GroupRead;
use super::statements::{
    DECISION_EVIDENCE, DECISION_INSERT, DEVICE_COUNT_UP, DEVICE_HOLDER_STATUS, DEVICE_HOLDER_STATUS_LOCKED,
};
use super::statements_groups::DECISION;
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::base::{ApprovalId, TokenHash, UnixTime};
use crate::identity::PersonStatus;
use crate::ports::{
    ApprovalDecision, CommitOutcome, CommittedDecision, Decision, Evidence, Fence, FenceKind, FenceLife,
    PortResult,
};

pub(super) struct SqlApprovalDecision {
    store: Store,
    groups: GroupCommit,
    decisions: GroupRead<Uuid, (i64, Vec<u8>)>,
}

#[async_trait]
impl ApprovalDecision for SqlApprovalDecision {
    async fn commit(
        &self,
        decision: &Decision,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<CommitOutcome> {
        if self.store.db.is_shared() {
            let passing = Passing::decide(decision, fences(decision), self.sealed(decision)?);
            if self.groups.pass(passing, granted).await? {
                return Ok(CommitOutcome::Committed);
            }
        }
        let mut write = self.store.write().await?;
        match self.try_commit(&mut write, decision).await? {
            None => {
                write.commit(granted).await?;
                Ok(CommitOutcome::Committed)
            }
            Some((outcome, reason)) => {
                write.refuse(refused, reason).await?;
                Ok(outcome)
            }
        }
    }

    async fn deny(
        &self,
        approval: ApprovalId,
        life: FenceLife,
        denied: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<bool> {
        let mut write = self.store.write().await?;
        let first = fence::burn(&mut write, &approval_fence(approval, life), None).await?;
        if first {
            write.commit(denied).await?;
        } else {
            write.refuse(refused, fence::replayed_reason(FenceKind::Approval)).await?;
        }
        Ok(first)
    }

    async fn find(&self, approval: ApprovalId) -> PortResult<Option<CommittedDecision>> {
        let Some((at, sealed)) = self.decisions.row(approval.uuid()).await? else { return Ok(None) };
        let proof = self.store.open(PROOF, approval.uuid().as_bytes(), &sealed).await?;
        Ok(Some(CommittedDecision { proof, at: UnixTime::from_millis(at) }))
    }

    async fn evidence(&self, approval: ApprovalId) -> PortResult<Option<Evidence>> {
        let sealed: Option<Vec<u8>> = on!(self.store.db.reader(), |c| sqlx::query_scalar(DECISION_EVIDENCE)
            .bind(approval.uuid())
            .fetch_optional(c))?;
        match sealed {
            Some(sealed) => self.store.open(EVIDENCE, approval.uuid().as_bytes(), &sealed).await.map(Some),
            None => Ok(None),
        }
    }
}

type Refusal = (CommitOutcome, &'static str);

impl SqlApprovalDecision {
    pub(super) fn new(store: Store, groups: GroupCommit) -> Self {
        let decisions = GroupRead::new(&store.db, DECISION);
        Self { store, groups, decisions }
    }

    async fn try_commit(&self, write: &mut Write<'_>, decision: &Decision) -> PortResult<Option<Refusal>> {
        for used_up in fences(decision) {
            if !fence::burn(write, &used_up, None).await? {
                return Ok(Some((CommitOutcome::Replayed, fence::replayed_reason(used_up.kind))));
            }
        }
        if let Some(reason) = inactive(write, decision).await? {
            return Ok(Some((CommitOutcome::DeviceRevoked, reason)));
        }
        if !count_up(write, decision).await? {
            return Ok(Some((CommitOutcome::CounterRegressed, "counter_regressed")));
        }
        let inserted = self.insert(write, decision).await?;
        let replayed = (CommitOutcome::Replayed, fence::replayed_reason(FenceKind::Approval));
        Ok(if inserted { None } else { Some(replayed) })
    }

    /// False when the approval has a decision whose fence was purged.
    async fn insert(&self, write: &mut Write<'_>, decision: &Decision) -> PortResult<bool> {
        let name = decision.approval.uuid();
        let (proof, evidence) = self.sealed(decision)?;
        let row: Option<Uuid> = on!(write.connection(), |c| sqlx::query_scalar(DECISION_INSERT)
            .bind(name)
            .bind(decision.device.uuid())
            .bind(decision.evidence.decided_at.millis())
            .bind(proof.as_slice())
            .bind(evidence.as_slice())
            .fetch_optional(c))?;
        Ok(row.is_some())
    }

    /// Proof and evidence, as they are stored.
    fn sealed(&self, decision: &Decision) -> PortResult<(Vec<u8>, Vec<u8>)> {
        let name = decision.approval.uuid();
        let proof = self.store.seal(PROOF, name.as_bytes(), &decision.proof)?;
        Ok((proof, self.store.seal(EVIDENCE, name.as_bytes(), &decision.evidence)?))
    }
}

/// The approval first: two answers to one request are told apart from a challenge used twice.
fn fences(decision: &Decision) -> [Fence; 2] {
    let life = decision.life;
    let challenge = Fence { kind: FenceKind::Challenge, hash: decision.challenge, life };
    [approval_fence(decision.approval, life), challenge]
}

fn approval_fence(approval: ApprovalId, life: FenceLife) -> Fence {
    Fence { kind: FenceKind::Approval, hash: TokenHash::of(&approval.to_string()), life }
}

/// Why the phone or its holder may not decide.
async fn inactive(write: &mut Write<'_>, decision: &Decision) -> PortResult<Option<&'static str>> {
    let text = write.text(DEVICE_HOLDER_STATUS, DEVICE_HOLDER_STATUS_LOCKED);
    let row: Option<(String, String)> = on!(write.connection(), |c| sqlx::query_as(text)
        .bind(decision.device.uuid())
        .bind(decision.proof.person.uuid())
        .fetch_optional(c))?;
    Ok(match row {
        Some((device, person)) if device == "active" => {
            let active = PersonStatus::from_stored(&person) == Some(PersonStatus::Active);
            if active { None } else { Some("person_inactive") }
        }
        _ => Some("device_revoked"),
    })
}

/// Web Authentication Level 3, 7.2: the counter grows, or stays zero.
async fn count_up(write: &mut Write<'_>, decision: &Decision) -> PortResult<bool> {
    let row: Option<Uuid> = on!(write.connection(), |c| sqlx::query_scalar(DEVICE_COUNT_UP)
        .bind(decision.device.uuid())
        .bind(i64::from(decision.sign_count))
        .fetch_optional(c))?;
    Ok(row.is_some())
}

pub(super) const PROOF: &str = "decisions/proof";
pub(super) const EVIDENCE: &str = "decisions/evidence";
