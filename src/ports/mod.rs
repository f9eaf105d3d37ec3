//! Layer 4: what the flows need from the outside, as traits. One method is one atomic rule: what must be
//! true together is decided inside one call, and no transaction handle appears in a signature.
//!
//! Not found is `Ok(None)`. Every method that changes a durable thing takes its audit event.

mod access_tokens;
mod approval_decision;
mod approvals;
mod audit;
mod audit_log;
mod audit_payloads;
mod authenticator;
mod checkpoint_sink;
mod client_keys;
mod clients;
mod devices;
mod directory;
mod durable_state;
mod grants;
mod high_water;
mod interactions;
mod issuance;
mod key_token;
mod keys;
mod links;
mod one_shot;
mod outbound;
mod patients;
mod persons;
mod replay;
mod revocation;
mod sealing;
mod sessions;
mod throttle;
mod upstream;

use std::sync::Arc;

pub use crate::device::Channel;
pub use access_tokens::{AccessTokenRecord, AccessTokens};
pub use approval_decision::{ApprovalDecision, CommitOutcome, CommittedDecision, Decision, Evidence};
pub use approvals::{Approvals, ClaimOutcome, OpenLimits, OpenOutcome};
pub use audit::{Audit, AuditRow};
pub use audit_log::{AbsentRows, AuditKey, AuditLog, FoundRow, Sequenced, StoredCheckpoint};
pub use audit_payloads::{AgedPayload, AuditPayloads};
pub use authenticator::{
    AssertionCeremony, Authenticator, AuthenticatorError, RegistrationCeremony, RegistrationRequest,
    VerifiedRegistration,
};
pub use checkpoint_sink::CheckpointSink;
pub use client_keys::ClientKeys;
pub use clients::Clients;
pub use devices::{BindOutcome, BindPlan, Devices};
pub use directory::{
    Directory, DirectoryBatch, DirectoryChange, DirectoryPair, DirectoryRun, DirectoryWalk, MergeOutcome,
    PersonIndex, RecordDigest, RunClaim, RunNumbers, RunState, StagedLine, StoredRecord,
};
pub use durable_state::{CommitSafety, DurableHealth, DurableState};
pub use grants::{Consent, ConsentSubject, Grants, StoredFamily};
pub use high_water::{HighWater, HighWaterMark};
pub use interactions::{Interactions, Versioned};
pub use issuance::{
    Fence, FenceKind, FenceLife, Grant, Issuance, IssuanceRecord, IssueOutcome, IssuePlan, KeepPlan,
    NewFamily, RefusedBy, RotateOutcome, RotatePlan, SEALED_REFRESH,
};
pub use key_token::KeyToken;
pub use keys::{DecryptError, Decrypter, Keys, PrivatePart, Signer};
pub use links::{Link, LinkCandidate, LinkOutcome, LinkedBy, Links};
pub use one_shot::{Ceremony, CodePayload, EnrolmentTicket, OneShot, PushedRequest};
pub use outbound::{Carrier, CarrierError, CodeSender, Delivery, DeliveryObserver, Message, Push};
pub use patients::{PatientCounts, PatientRecord, Patients};
pub use persons::Persons;
pub use replay::{Generation, Replay, ReplayKind, Sighting};
pub use revocation::{Cutoff, CutoffScope, Revocation, SignedSince};
pub use sealing::{SealKeySource, Sealing};
pub use sessions::{Session, Sessions};
pub use throttle::{Throttle, ThrottleRule};
pub use upstream::{
    Upstream, UpstreamAnswer, UpstreamCallback, UpstreamError, UpstreamLogout, UpstreamOutage,
    UpstreamRefusal, UpstreamRequest,
};

use crate::base::{Clock, Entropy};

/// The target of the spans that are exported, and of nothing else: log lines never show them, and whatever else is
/// traced in this process never leaves it.
pub const SPANS: &str = "sceau::spans";

/// Why a port could not answer.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The store or service did not answer in time; the outcome of a write is unknown.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Another writer was faster; nothing changed.
    #[error("conflict")]
    Conflict,
    /// What was read is not what was written: wrong seal, version or shape.
    #[error("corrupt: {0}")]
    Corrupt(String),
}

/// The answer of a port.
pub type PortResult<T> = Result<T, PortError>;

/// Every port, as the composition root filled them.
#[derive(Clone)]
pub struct Ports {
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Registered clients.
    pub clients: Arc<dyn Clients>,
    /// The keys that clients publish.
    pub client_keys: Arc<dyn ClientKeys>,
    /// Persons by id and identity number.
    pub persons: Arc<dyn Persons>,
    /// The directory of patients.
    pub patients: Arc<dyn Patients>,
    /// Links to accounts at other providers.
    pub links: Arc<dyn Links>,
    /// The national directory's changes.
    pub directory: Arc<dyn Directory>,
    /// Enrolled phones.
    pub devices: Arc<dyn Devices>,
    /// Grants, families and consents, to read.
    pub grants: Arc<dyn Grants>,
    /// The durable gate of token issue.
    pub issuance: Arc<dyn Issuance>,
    /// Decisions made on phones.
    pub decisions: Arc<dyn ApprovalDecision>,
    /// Revocation cut-offs.
    pub revocation: Arc<dyn Revocation>,
    /// What was seen of the durable store.
    pub high_water: Arc<dyn HighWaterMark>,
    /// How the durable store is.
    pub durable: Arc<dyn DurableHealth>,
    /// Key records.
    pub keys: Arc<dyn Keys>,
    /// The signer.
    pub signer: Arc<dyn Signer>,
    /// The decrypter.
    pub decrypter: Arc<dyn Decrypter>,
    /// Identity providers above us.
    pub upstream: Arc<dyn Upstream>,
    /// The audit log, to add to.
    pub audit: Arc<dyn Audit>,
    /// The audit log as one order, and its checkpoints.
    pub audit_log: Arc<dyn AuditLog>,
    /// The personal values of the audit log.
    pub audit_payloads: Arc<dyn AuditPayloads>,
    /// Values taken whole, at most once.
    pub one_shot: Arc<dyn OneShot>,
    /// Authorization requests in progress.
    pub interactions: Arc<dyn Interactions>,
    /// Requests for approval.
    pub approvals: Arc<dyn Approvals>,
    /// Browser sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Access-token records.
    pub access_tokens: Arc<dyn AccessTokens>,
    /// Identifiers seen once.
    pub replay: Arc<dyn Replay>,
    /// Counters of attempts.
    pub throttle: Arc<dyn Throttle>,
    /// WebAuthn verification.
    pub authenticator: Arc<dyn Authenticator>,
    /// Wake-ups for phones.
    pub push: Arc<dyn Push>,
    /// Activation codes and notices to persons.
    pub code_sender: Arc<dyn CodeSender>,
}
