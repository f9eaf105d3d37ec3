//! Pushed authorization requests: the `request_uri` and what may be pushed.
//!
//! <https://www.rfc-editor.org/rfc/rfc9126>: 2.1 (request), 2.2 (answer), 4 (use), 7.1 (guessing); RFC 9449 10.1 (binding). The pushed
//! parameters are judged by `rfc6749_authorize.rs`; storage, expiry and single use belong to the caller.

use serde_json::{Value, json};

use super::error::{ErrorCode, OAuthError};
use super::params::RawParams;
use crate::base::{Secret, TokenHash, from_base64url};
use crate::jose::Thumbprint;

/// A `request_uri` of ours: a fixed prefix and 256 random bits (RFC 9126 2.2, 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestUri(Secret);

impl RequestUri {
    /// The URI around `token`, 43 characters from `EntropyExt::token`.
    #[must_use]
    pub const fn new(token: Secret) -> Self {
        Self(token)
    }

    /// The key under which the push is kept.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.expose())
    }

    /// The URI as sent.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", self.0.expose())
    }

    /// The key of a presented `request_uri`; none when it is not one of ours, whatever the reason.
    #[must_use]
    pub fn parse(text: &str) -> Option<TokenHash> {
        let token = text.strip_prefix(PREFIX)?;
        let bytes = from_base64url(token).ok()?;
        (bytes.len() == 32).then(|| TokenHash::of(token))
    }
}

/// The parameters of a push that make up the authorization request, without those that authenticate the client.
///
/// # Errors
/// `invalid_request` when a parameter repeats or `request_uri` is pushed (RFC 9126 2.1).
pub fn pushed_parameters(params: RawParams) -> Result<RawParams, OAuthError> {
    params.check_unique()?;
    // RFC 9126 2.1
    if params.contains("request_uri") {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "request_uri cannot be pushed"));
    }
    Ok(params.without(&["client_secret", "client_assertion", "client_assertion_type"]))
}

/// Binds the request to the key that a proof beside the push showed, as `dpop_jkt` in the request would (RFC 9449 10.1).
///
/// # Errors
/// `invalid_dpop_proof` when the request names another key.
pub fn bound_to_key(params: &RawParams, jkt: &Thumbprint) -> Result<RawParams, OAuthError> {
    let shown = jkt.to_string();
    match params.get("dpop_jkt")? {
        Some(named) if named != shown => {
            Err(OAuthError::new(ErrorCode::InvalidDpopProof, "dpop_jkt is not the key of the proof"))
        }
        Some(_) => Ok(params.clone()),
        None => {
            let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            let bound = (String::from("dpop_jkt"), shown);
            Ok(RawParams::from_pairs(params.iter().map(own).chain([bound])))
        }
    }
}

/// The answer to a push (RFC 9126 2.2), sent with status 201.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedAnswer {
    /// What the client sends to `/authorize`.
    pub request_uri: RequestUri,
    /// Its lifetime, in seconds.
    pub expires_in: u64,
}

impl PushedAnswer {
    /// The body.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "request_uri": self.request_uri.expose(), "expires_in": self.expires_in })
    }
}

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
