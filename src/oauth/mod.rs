//! OAuth 2.0: the rules of requests, codes and tokens, as pure functions.
//!
//! One file per document. Knows no HTTP framework, no storage and no clock.

mod error;
mod params;
mod scope;

pub use error::{ErrorCode, OAuthError};
pub use params::RawParams;
pub use scope::{Scope, ScopeError, ScopeSet};
