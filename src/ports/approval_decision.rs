//! The decision made on a phone: fences of challenge and approval, credential counter, evidence and audit
//! in one transaction. The row it leaves is the truth; the ephemeral approval follows it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{FenceLife, PortResult};
use crate::audit::AuditEvent;
use crate::base::{ApprovalId, DeviceId, TokenHash, UnixTime};
use crate::identity::AuthenticationProof;

/// What the phone signed, kept so that anybody can verify it later without this code (design decision 8).
#[derive(Clone, Serialize, Deserialize)]
pub struct Evidence {
    /// The approval.
    pub approval: ApprovalId,
    /// RFC 8785 form of the text the phone showed.
    pub text: Vec<u8>,
    /// The 32 random bytes of the challenge.
    pub random: Vec<u8>,
    /// `clientDataJSON` as received.
    pub client_data_json: Vec<u8>,
    /// `authenticatorData` as received.
    pub authenticator_data: Vec<u8>,
    /// The signature, DER.
    pub signature: Vec<u8>,
    /// The credential's public key, COSE.
    pub credential_key: Vec<u8>,
    /// WebAuthn relying party id.
    pub rp_id: String,
    /// Time of the decision.
    pub decided_at: UnixTime,
}

/// An approval given on a phone, ready to be committed.
pub struct Decision {
    /// The approval; decided at most once.
    pub approval: ApprovalId,
    /// The times of approval and challenge: those of the approval.
    pub life: FenceLife,
    /// Hash of the WebAuthn challenge; used at most once.
    pub challenge: TokenHash,
    /// The phone, which must still be active.
    pub device: DeviceId,
    /// The credential's new signature counter; never goes back.
    pub sign_count: u32,
    /// What the person proved.
    pub proof: AuthenticationProof,
    /// What the phone signed.
    pub evidence: Evidence,
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Committed; this caller and no other.
    Committed,
    /// The approval was decided or the challenge used before.
    Replayed,
    /// The signature counter did not grow: the credential may have been copied.
    CounterRegressed,
    /// The phone or its person is no longer active.
    DeviceRevoked,
}

/// A committed decision, read back.
#[derive(Clone, Debug)]
pub struct CommittedDecision {
    /// What the person proved.
    pub proof: AuthenticationProof,
    /// Time of the commit.
    pub at: UnixTime,
}

/// Store of decisions, durable.
#[async_trait]
pub trait ApprovalDecision: Send + Sync {
    /// Commits `decision` with `granted`; when it is not [`CommitOutcome::Committed`], nothing changes but that
    /// `refused` is recorded with the outcome as its reason.
    async fn commit(
        &self,
        decision: &Decision,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<CommitOutcome>;
    /// Uses an approval up with `denied`, kept as `life` says: false when it was decided before, and then nothing
    /// changes but that `refused` is recorded.
    async fn deny(
        &self,
        approval: ApprovalId,
        life: FenceLife,
        denied: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<bool>;
    /// The committed decision of an approval.
    async fn find(&self, approval: ApprovalId) -> PortResult<Option<CommittedDecision>>;
    /// The evidence of an approval.
    async fn evidence(&self, approval: ApprovalId) -> PortResult<Option<Evidence>>;
}
