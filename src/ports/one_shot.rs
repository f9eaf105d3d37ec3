//! Values taken whole, at most once: codes, pushed requests, ceremonies, activation codes. Ephemeral; the
//! durable fence behind a code is [`super::Issuance`].

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortResult;
use crate::base::{
    ApprovalId, ClientId, DeviceId, EnrolmentId, GrantId, InteractionId, PersonId, Sid, TokenHash, UnixTime,
};
use crate::device::{ActivationCodes, ActivationMode, PendingEnrolment};
use crate::federation::FederationTicket;
use crate::identity::{AuthenticationProof, OnBehalf};
use crate::oauth::{CodeBinding, ScopeSet};
use crate::oidc::ClaimsRequest;

/// What an authorization code stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodePayload {
    /// What the token request must match.
    pub binding: CodeBinding,
    /// The grant it will become.
    pub grant: GrantId,
    /// Who.
    pub person: PersonId,
    /// For whom, when not for themself.
    #[serde(default)]
    pub on_behalf_of: Option<OnBehalf>,
    /// Session.
    pub sid: Sid,
    /// End of the session.
    pub session_end: UnixTime,
    /// Granted scope.
    pub scope: ScopeSet,
    /// Claims requested one by one.
    pub claims: ClaimsRequest,
    /// `nonce` of the request.
    pub nonce: Option<String>,
    /// How the person was authenticated.
    pub proof: AuthenticationProof,
    /// Time of issue.
    pub issued_at: UnixTime,
    /// When the person consented, where that was asked on a page.
    #[serde(default)]
    pub consented_at: Option<UnixTime>,
    /// Deadline.
    pub deadline: UnixTime,
}

/// A pushed authorization request (RFC 9126).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PushedRequest {
    /// The client that pushed it.
    pub client: ClientId,
    /// The parameters as pushed, client authentication left out; form-encoded.
    pub parameters: String,
    /// Deadline.
    pub deadline: UnixTime,
    /// Until when an interaction it opened may still finish it: no shorter than the life of one.
    pub kept_until: UnixTime,
    /// The interaction that finished it.
    #[serde(default)]
    pub finished_by: Option<InteractionId>,
}

/// A WebAuthn assertion under way, bound to one approval and one phone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ceremony {
    /// The approval.
    pub approval: ApprovalId,
    /// The phone.
    pub device: DeviceId,
    /// The challenge, 32 bytes.
    pub challenge: [u8; 32],
    /// The random part of the challenge.
    pub random: [u8; 32],
    /// State of the authenticator port.
    pub state: String,
    /// Deadline.
    pub deadline: UnixTime,
}

/// That a signed-in person may enrol a phone: what a ticket stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentTicket {
    /// How the person was authenticated: the phone's enrolment is worth no more.
    pub proof: AuthenticationProof,
    /// The session that drew it.
    pub sid: Sid,
    /// How a phone enrolled by it will have been activated.
    pub mode: ActivationMode,
    /// Deadline.
    pub deadline: UnixTime,
}

/// Store of one-shot values. Every `take` gives a value to one caller at most and nothing after its deadline.
#[async_trait]
pub trait OneShot: Send + Sync {
    /// Keeps a code under its hash.
    async fn put_code(&self, code: &TokenHash, payload: &CodePayload) -> PortResult<()>;
    /// Takes a code.
    async fn take_code(&self, code: &TokenHash, now: UnixTime) -> PortResult<Option<CodePayload>>;
    /// Keeps a pushed request under the hash of its `request_uri`.
    async fn put_pushed(&self, uri: &TokenHash, request: &PushedRequest) -> PortResult<()>;
    /// Reads a pushed request that is not finished and before its deadline.
    async fn load_pushed(&self, uri: &TokenHash, now: UnixTime) -> PortResult<Option<PushedRequest>>;
    /// Finishes a pushed request until the end of its keeping: true for the first interaction only, as often as that
    /// one asks (RFC 9126 7.3).
    async fn finish_pushed(&self, uri: &TokenHash, by: InteractionId, now: UnixTime) -> PortResult<bool>;
    /// Keeps the ceremony of an approval on a phone, replacing an earlier one.
    async fn put_ceremony(&self, ceremony: &Ceremony) -> PortResult<()>;
    /// Takes the ceremony of an approval on a phone.
    async fn take_ceremony(
        &self,
        approval: ApprovalId,
        device: DeviceId,
        now: UnixTime,
    ) -> PortResult<Option<Ceremony>>;
    /// Keeps an enrolment under way.
    async fn put_enrolment(&self, enrolment: &PendingEnrolment) -> PortResult<()>;
    /// Takes an enrolment.
    async fn take_enrolment(&self, id: EnrolmentId, now: UnixTime) -> PortResult<Option<PendingEnrolment>>;
    /// Keeps a ticket under its hash.
    async fn put_enrolment_ticket(&self, hash: &TokenHash, ticket: &EnrolmentTicket) -> PortResult<()>;
    /// Takes a ticket.
    async fn take_enrolment_ticket(
        &self,
        hash: &TokenHash,
        now: UnixTime,
    ) -> PortResult<Option<EnrolmentTicket>>;
    /// Keeps a person's activation codes, replacing earlier ones.
    async fn put_activation(&self, codes: &ActivationCodes) -> PortResult<()>;
    /// Puts codes that were taken back, unless newer ones have come in between.
    async fn put_back_activation(&self, codes: &ActivationCodes) -> PortResult<()>;
    /// Takes a person's activation codes.
    async fn take_activation(&self, person: PersonId, now: UnixTime) -> PortResult<Option<ActivationCodes>>;
    /// Keeps what awaits the answer of another provider, under the hash of its `state`.
    async fn put_federation(&self, state: &TokenHash, ticket: &FederationTicket) -> PortResult<()>;
    /// Takes it.
    async fn take_federation(&self, state: &TokenHash, now: UnixTime)
    -> PortResult<Option<FederationTicket>>;
}
