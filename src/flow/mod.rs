//! Layer 5: use cases. Each loads what it needs, asks one pure function to decide, stores the outcome by one
//! atomic port call, and audits. A step never calls another step: it changes stored state and returns to the
//! hub, [`authorize`].

mod account;
mod account_client;
mod account_links;
mod activation;
mod anonymous;
mod answer;
mod approve;
mod audit_retention;
mod audit_sequence;
mod audit_verify;
mod authorize;
mod claims;
mod client_auth;
mod clients;
mod consent;
mod cutoffs;
mod decision;
mod declare;
mod device_auth;
mod devices;
mod directory;
mod directory_lines;
mod directory_merge;
mod directory_run;
mod directory_stage;
mod enrol;
mod evidence;
mod federate;
mod federated;
mod grant_client;
mod grant_code;
mod grant_refresh;
mod hub;
mod identify;
mod introspect;
mod issue;
mod key_officer;
mod key_sweep;
mod key_symmetric;
mod keyring;
mod known_browser;
mod known_clients;
mod known_keys;
mod link_account;
mod link_offers;
mod linking;
mod logout;
mod logout_upstream;
mod metadata;
mod notices;
mod operator;
mod par;
mod parties;
mod patients;
mod policy;
mod progress;
mod published;
mod qr;
mod readiness;
mod represent;
mod restore;
mod revoke;
mod session;
mod setback;
mod sign;
mod sign_again;
mod ticket;
mod token;
mod turn;
mod userinfo;

pub use account::{AccountPage, AccountVisit};
pub use account_client::ACCOUNT_CLIENT;
pub use account_links::{ConsentLine, LinkLine, LinksPage};
pub use activation::ActivationPolicy;
pub use anonymous::DroppedRows;
pub use approve::{ApprovalView, ChallengeView, DecideError, PhoneDecision};
pub use audit_sequence::LogProgress;
pub use audit_verify::{TrustedKeys, Verified, VerifyError, revoked_in, verify_log};
pub use client_auth::{AuthenticatedClient, PresentedCredentials};
pub use clients::{NewClient, Registered};
pub use cutoffs::{Cutoffs, Subject};
pub use device_auth::{AuthenticatedDevice, DeviceAuthError, PresentedProof};
pub use directory::{ImportError, ImportObserver, ImportOptions, ImportReport, Silent};
pub use directory_lines::{BufferedLines, LineRead, LineSource, text_lines};
pub use directory_merge::MergeReport;
pub use enrol::{EnrolError, EnrolmentOptions, EnrolmentStart};
pub use federate::{Federating, OfferedProvider};
pub use federated::{Federated, Returned, SignInReturn};
pub use hub::UserinfoAnswer;
pub use identify::Identified;
pub use key_officer::{KeyChangeError, KeyOfficers, Revoked, verify_key_records};
pub use key_sweep::{KeyFigures, StateFigure, bootstrap_keys};
pub use key_symmetric::SymmetricKeys;
pub use keyring::{KeyAlarms, Keyring};
pub use known_browser::KNOWN_FOR;
pub use known_clients::KnownClients;
pub use link_account::{LinkBegun, LinkReturn, LinkedBack};
pub use link_offers::{LinkOffer, LinkingRefusal};
pub use logout::{BrowserInteraction, LoggedOut, LogoutPage, LogoutStep};
pub use logout_upstream::SignedInThere;
pub use operator::{Officers, OperatorOutcome, Requester};
pub use patients::{PatientsError, PatientsReport};
pub use policy::{DirectoryPolicy, Lifetimes, Policy};
pub use progress::{Progress, Watchers};
pub use published::{Document, WrittenMetadata};
pub use readiness::{Check, HealthMemory};
pub use restore::{Restored, StoreBehind};
pub use session::StartedSession;
pub use setback::{Setback, SetbackReturn, SetbackSentence};
pub use ticket::{DrawnTicket, TicketRefusal};
pub use token::ClientCall;
pub use turn::{Answer, Begun, BrowserState, OfferedPerson, Opened, Screen, Turn, TurnError};
pub use userinfo::UserinfoError;

use std::net::IpAddr;

use crate::audit::{AuditEvent, Decision, EventKind};
use crate::base::{AuditId, Rate, UnixTime};
use crate::oauth::{ErrorCode, OAuthError};
use crate::ports::{PortError, Ports, Sealing};

/// The provider: every use case is a method of it, in the file of its name.
pub struct Provider {
    /// The outside world.
    pub ports: Ports,
    /// Lifetimes and rules.
    pub policy: Policy,
    /// Signing keys as last read.
    pub keyring: Keyring,
    /// Revocation cut-offs as last read.
    pub cutoffs: Cutoffs,
    /// The metadata as last written.
    pub written_metadata: WrittenMetadata,
    /// Registered clients as last read.
    pub clients: KnownClients,
    /// Seals stored values and keys their hashes.
    pub storage: Sealing,
    /// Status requests that wait here.
    pub watchers: Watchers,
    /// What readiness remembers.
    pub health: HealthMemory,
    /// Refusals that the audit log was spared.
    pub dropped: DroppedRows,
    /// How often each client may come here.
    pub client_pace: Option<Rate>,
}

/// Where a browser's or phone's request comes from, as shown to the person.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Address of the peer, for limits; not logged.
    pub address: String,
    /// Browser and system, short.
    pub agent: String,
}

impl Origin {
    /// What limits count by: the address, of IPv6 the 64 bits of its network, since whoever has one address has them
    /// all (RFC 4291 2.5.4).
    #[must_use]
    pub fn source(&self) -> Vec<u8> {
        match self.address.parse() {
            Ok(IpAddr::V6(address)) => address.octets().into_iter().take(8).collect(),
            _ => self.address.as_bytes().to_vec(),
        }
    }
}

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The request is at fault.
    #[error(transparent)]
    Protocol(#[from] OAuthError),
    /// A port is.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl FlowError {
    /// A protocol error with a static text.
    pub(crate) fn protocol(code: ErrorCode, public: &'static str) -> Self {
        Self::Protocol(OAuthError::new(code, public))
    }

    /// The wire form: port failures become `server_error` or `temporarily_unavailable` here and nowhere else.
    #[must_use]
    pub fn into_oauth(self) -> OAuthError {
        match self {
            Self::Protocol(error) => error,
            Self::Port(error @ (PortError::Unavailable(_) | PortError::Conflict)) => {
                OAuthError::new(ErrorCode::TemporarilyUnavailable, "a dependency does not answer; try again")
                    .with_internal(error.to_string())
            }
            Self::Port(error @ PortError::Corrupt(_)) => {
                OAuthError::new(ErrorCode::ServerError, "an internal error occurred")
                    .with_internal(error.to_string())
            }
        }
    }
}

impl Provider {
    /// The current time.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.ports.clock.now()
    }

    fn succeeded(&self, kind: EventKind, reason: &'static str, now: UnixTime) -> AuditEvent {
        self.event(kind, Decision::Success, reason, now)
    }

    fn refused(&self, kind: EventKind, reason: &'static str, now: UnixTime) -> AuditEvent {
        self.event(kind, Decision::Refusal, reason, now)
    }

    fn event(&self, kind: EventKind, decision: Decision, reason: &'static str, now: UnixTime) -> AuditEvent {
        AuditEvent::new(AuditId::ordered(&*self.ports.entropy, now), now, kind, decision, reason)
    }
}
