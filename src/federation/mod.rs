//! Layer 3: what another identity provider says of a person, and whether it may be believed.
//!
//! Pure values and decisions. Requests, tokens and keys of the other provider are above.

mod claims_error;
mod claims_map;
mod link;
mod names;
mod pivot_claims;
mod upstream_identity;

pub use claims_error::{ClaimsError, ClaimsReason};
pub use claims_map::{ClaimRules, IdentityForm, map_claims};
pub use link::{
    Candidate, ExistingLink, LINK_FLOOR, LinkFacts, LinkRefusal, LinkVerdict, OtherSide, Standing,
    decide_link,
};
pub use names::{IndexMaterial, index_material, normalise_name, same_identity};
pub use upstream_identity::{AgentIdentity, UpstreamIdentity, UpstreamKey};
