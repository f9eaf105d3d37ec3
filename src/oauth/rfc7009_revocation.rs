//! Token revocation: the request.
//!
//! <https://www.rfc-editor.org/rfc/rfc7009>: 2.1 (request; the hint), 2.2 (answer: nothing to read). Does not
//! authenticate the client, find the token or end anything.

use super::error::OAuthError;
use super::params::RawParams;
use crate::base::Secret;

/// What a client believes its token to be; only a hint (RFC 7009 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTypeHint {
    /// `access_token`.
    AccessToken,
    /// `refresh_token`.
    RefreshToken,
}

impl TokenTypeHint {
    /// The hint of the parameter `token_type_hint`; none when it is absent or not one of ours: it is ignored then
    /// (RFC 7009 2.1, RFC 7662 2.1).
    pub(super) fn read(params: &RawParams) -> Result<Option<Self>, OAuthError> {
        Ok(match params.get("token_type_hint")? {
            Some("access_token") => Some(Self::AccessToken),
            Some("refresh_token") => Some(Self::RefreshToken),
            _ => None,
        })
    }
}

/// A request to revoke a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationRequest {
    /// The token, of either kind.
    pub token: Secret,
    /// Where to look first.
    pub hint: Option<TokenTypeHint>,
}

/// Reads the form of a revocation request.
///
/// # Errors
/// `invalid_request`: no token, or a parameter sent twice.
pub fn revocation_request(params: &RawParams) -> Result<RevocationRequest, OAuthError> {
    // RFC 6749 3.2
    params.check_unique()?;
    let hint = TokenTypeHint::read(params)?;
    Ok(RevocationRequest { token: Secret::new(params.require("token")?.to_owned()), hint })
}
