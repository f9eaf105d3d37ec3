//! Layer 3: identity providers above us: what is agreed with each, what it says of a person, and whether it may be
//! believed.
//!
//! Pure values and decisions; the calls are an adapter's.

mod account_link;
mod agreed;
mod claims_error;
mod claims_map;
mod link;
mod names;
mod pivot_claims;
mod preset;
mod provider;
mod ticket;
mod upstream_identity;

pub use account_link::{
    AccountLinkRefusal, AccountLinkVerdict, AccountSide, decide_account_link, federated_level, vouches_for,
};
pub use agreed::is_callable;
pub use claims_error::{ClaimsError, ClaimsReason};
pub use claims_map::{ClaimRules, IdentityForm, map_claims};
pub use link::{
    Candidate, ExistingLink, LINK_FLOOR, LinkFacts, LinkRefusal, LinkVerdict, OtherSide, Standing,
    decide_link,
};
pub use names::{IndexMaterial, index_material, normalise_name, same_identity};
pub use preset::{Environment, Preset};
pub use provider::{
    AssertionAudience, DEFAULT_TIMEOUT, Encryption, ProviderDraft, ProviderError, ProviderId, UpstreamAuth,
    UpstreamProvider, UserinfoForm,
};
pub use ticket::{FederationTicket, LinkTicket, Purpose, Question, SignInTicket};
pub use upstream_identity::{AgentIdentity, UpstreamIdentity, UpstreamKey};
