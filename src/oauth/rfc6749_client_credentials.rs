//! The client credentials grant: what a client may have for itself.
//!
//! <https://www.rfc-editor.org/rfc/rfc6749#section-4.4>, 3.3 (scope). Does not authenticate the client or sign anything.

use super::client::Client;
use super::error::{ErrorCode, OAuthError};
use super::scope::ScopeSet;

/// The scope of a token that `client` asks for itself: `requested`, or all that it registered and that means something
/// without a person.
///
/// # Errors
/// `invalid_scope` for a scope that is not registered, one that speaks of a person, or when nothing is left.
pub fn client_scope(client: &Client, requested: Option<&ScopeSet>) -> Result<ScopeSet, OAuthError> {
    let refused = |public| Err(OAuthError::new(ErrorCode::InvalidScope, public));
    // RFC 6749 3.3
    let granted = match requested {
        Some(requested) if !requested.is_subset(&client.scopes) => {
            return refused("a scope is not registered for this client");
        }
        Some(requested) if OF_PERSONS.iter().any(|scope| requested.contains(scope)) => {
            return refused("a scope needs a person");
        }
        Some(requested) => requested.clone(),
        None => client.scopes.without(OF_PERSONS),
    };
    if granted.is_empty() {
        return refused("this client has no scope of its own");
    }
    Ok(granted)
}

/// Scopes that make no sense without a person (OpenID Connect Core 3.1.2.1 and 11).
const OF_PERSONS: &[&str] = &["openid", "offline_access"];
