//! Layer 2: OpenID Connect, one file per specification section. Pure: time and entropy are arguments.
//!
//! May import `oauth`, `jose` and `base`.

mod core_id_token;
mod core_request;
mod core_subject;
mod core_userinfo;
mod discovery;
mod logout_rp_initiated;

pub use core_id_token::{HintClaims, HintError, IdTokenContent, at_hash, id_token_claims, validate_hint};
pub use core_request::{
    AuthenticationRequest, ClaimSpec, ClaimsRequest, Prompt, Prompts, authentication_request,
};
pub use core_subject::pairwise_subject;
pub use core_userinfo::{CLAIM_SCOPES, ReleasedClaims, released_claims, requested_claims};
pub use discovery::{PROMPTS, ProviderFeatures, metadata};
pub use logout_rp_initiated::{
    BrowserSession, LogoutRequest, LogoutReturn, LogoutVerdict, judge_logout, logout_request, logout_return,
};
