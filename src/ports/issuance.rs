//! The durable gate: single use, grant, refresh token family, issuance record and audit in one transaction.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortResult;
use crate::audit::AuditEvent;
use crate::base::{ClientId, DeviceId, FamilyId, GrantId, PersonId, Sid, TokenHash, UnixTime};
use crate::identity::{AuthenticationProof, OnBehalf};
use crate::jose::Thumbprint;
use crate::oauth::ScopeSet;
use crate::oidc::ClaimsRequest;

/// Kinds of things used at most once; their key spaces are disjoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceKind {
    /// Authorization code.
    Code,
    /// WebAuthn challenge.
    Challenge,
    /// Approval.
    Approval,
    /// Pair of activation codes.
    Activation,
}

impl FenceKind {
    /// Name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Challenge => "challenge",
            Self::Approval => "approval",
            Self::Activation => "activation",
        }
    }
}

/// One thing used up by a unique insert.
#[derive(Clone, Copy, Debug)]
pub struct Fence {
    /// Kind.
    pub kind: FenceKind,
    /// Hash of the thing.
    pub hash: TokenHash,
    /// The thing's times.
    pub life: FenceLife,
}

/// The times of a thing used at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FenceLife {
    /// The deadline that the thing itself carries, authenticated: the same at each of its presentations, whenever that
    /// is and whatever the settings are by then. It is part of what makes the row unique.
    pub expires: UnixTime,
    /// Until when the row must be kept: past any time at which the thing could be presented again.
    pub until: UnixTime,
}

/// What one authorization gave: the root of its tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Identifier.
    pub id: GrantId,
    /// Who.
    pub person: PersonId,
    /// For whom, when not for themself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<OnBehalf>,
    /// To what client.
    pub client: ClientId,
    /// The session, whose end ends the grant.
    pub sid: Sid,
    /// Granted scope.
    pub scope: ScopeSet,
    /// Claims requested one by one.
    pub claims: ClaimsRequest,
    /// `nonce` of the authorization request, for refreshed ID tokens to leave out and audit to match.
    pub nonce: Option<String>,
    /// How the person was authenticated.
    pub proof: AuthenticationProof,
    /// Time of the grant.
    pub created: UnixTime,
}

/// Kind of the sealed value that holds a family's last token; its name is the family's identifier.
pub const SEALED_REFRESH: &str = "refresh/current";

/// A family to begin.
pub struct NewFamily {
    /// Identifier, first part of each of its tokens.
    pub id: FamilyId,
    /// Hash of the first token.
    pub current: TokenHash,
    /// The first token, sealed.
    pub current_sealed: Vec<u8>,
    /// DPoP key it is bound to, for a public client (RFC 9449 5).
    pub jkt: Option<Thumbprint>,
    /// End of the session: the family never outlives it.
    pub absolute_expiry: UnixTime,
    /// End of idleness.
    pub idle_expiry: UnixTime,
}

/// Which key signed what, so that the tokens of a compromised key can be ended (design decision 3).
#[derive(Clone, Debug)]
pub struct IssuanceRecord {
    /// `jti` of the access token.
    pub jti: String,
    /// The key planned to sign.
    pub kid: String,
    /// Time of issue.
    pub at: UnixTime,
    /// Nothing that is issued under it lives longer.
    pub kept_until: UnixTime,
}

/// Everything that becomes true when a single-use artefact is redeemed.
pub struct IssuePlan {
    /// What is used up.
    pub fence: Fence,
    /// The grant.
    pub grant: Grant,
    /// The family, when a refresh token is due.
    pub family: Option<NewFamily>,
    /// The issuance record.
    pub record: IssuanceRecord,
    /// When what it relies on was agreed to, at the latest: a consent taken back then or later refuses it.
    pub agreed: UnixTime,
}

/// Who no longer may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedBy {
    /// The client is disabled.
    Client,
    /// The person is locked or deactivated.
    Person,
    /// The person acted for is locked or deactivated.
    Represented,
    /// The phone is revoked.
    Device,
    /// The session ended, or a cut-off covers the authentication.
    Session,
    /// The grant or family is dead.
    Grant,
    /// The consent was taken back.
    Consent,
    /// The key that signed is revoked.
    Key,
}

impl RefusedBy {
    /// Machine reason for the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client_disabled",
            Self::Person => "person_inactive",
            Self::Represented => "represented_inactive",
            Self::Device => "device_revoked",
            Self::Session => "session_ended",
            Self::Grant => "grant_revoked",
            Self::Consent => "consent_withdrawn",
            Self::Key => "key_revoked",
        }
    }
}

/// What became of an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueOutcome {
    /// Committed: this caller signs.
    Issued,
    /// Committed and ended with it: the same client had presented the artefact a second time while the first use was
    /// on its way. This caller signs tokens that are dead.
    IssuedAndEnded,
    /// Used before, by this grant.
    Replayed(GrantId),
    /// Refused on what the transaction read; the fence is burnt.
    Refused(RefusedBy),
}

/// A rotation, guarded by the generation that was read.
pub struct RotatePlan {
    /// The family.
    pub family: FamilyId,
    /// Its grant.
    pub grant: Grant,
    /// Generation that was read.
    pub generation: u64,
    /// The token presented, current in that generation.
    pub presented: TokenHash,
    /// The next token, and the same sealed.
    pub next: (TokenHash, Vec<u8>),
    /// New end of idleness.
    pub idle_expiry: UnixTime,
    /// The issuance record.
    pub record: IssuanceRecord,
}

/// A refresh that keeps its token: of a client that does not rotate (FAPI 2.0 5.3.2.1).
#[derive(Clone, Debug)]
pub struct KeepPlan {
    /// The family.
    pub family: FamilyId,
    /// Its grant.
    pub grant: GrantId,
    /// Who.
    pub person: PersonId,
    /// To what client.
    pub client: ClientId,
    /// The session.
    pub sid: Sid,
    /// New end of idleness.
    pub idle_expiry: UnixTime,
    /// The issuance record.
    pub record: IssuanceRecord,
}

/// What became of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotateOutcome {
    /// Committed.
    Rotated,
    /// Another request rotated first: read the family again and answer with its current token.
    Overtaken,
    /// Refused on what the transaction read.
    Refused(RefusedBy),
}

/// The gate's transactions, durable.
#[async_trait]
pub trait Issuance: Send + Sync {
    /// Redeems and grants with `granted`. On any other outcome no grant exists and `refused` is recorded; a
    /// refusal burns the fence.
    async fn issue(
        &self,
        plan: &IssuePlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<IssueOutcome>;
    /// An artefact of `client` was presented again: revokes the grant of its first use if that grant is the
    /// client's, be it committed or still on its way, and records `event`. Gives the revoked grant.
    async fn replayed(
        &self,
        kind: FenceKind,
        hash: &TokenHash,
        client: &ClientId,
        event: &AuditEvent,
    ) -> PortResult<Option<GrantId>>;
    /// Rotates a family (one guarded update) with `granted`, or records `refused`. An overtaken rotation records nothing.
    async fn rotate(
        &self,
        plan: &RotatePlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<RotateOutcome>;
    /// Lets a family live on with `granted`, committed in a group with others (design decision 5, light form): who may
    /// have tokens was judged by the caller on the cut-offs it knows. False when the family has died: `refused` is
    /// recorded.
    async fn keep(&self, plan: KeepPlan, granted: &AuditEvent, refused: AuditEvent) -> PortResult<bool>;
    /// Issues again under a grant, which stays as it is, with its family if it has one: for an already rotated token, or
    /// because the planned key was replaced before it signed. Checks as `rotate`, adds `record`, and records `granted` or
    /// `refused`.
    async fn repeat(
        &self,
        grant: &Grant,
        family: Option<FamilyId>,
        record: &IssuanceRecord,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<RotateOutcome>;
    /// Ends a family and its grant (reuse of a stale token).
    async fn end_family(&self, family: FamilyId, event: &AuditEvent) -> PortResult<()>;
    /// The phone that authenticated a grant, when it matters to a cut-off.
    async fn device_of(&self, grant: GrantId) -> PortResult<Option<DeviceId>>;
}
