//! Access tokens in the `Authorization` header, and the challenge that answers a bad one.
//!
//! <https://www.rfc-editor.org/rfc/rfc6750>: 2.1, 3, 3.1; <https://www.rfc-editor.org/rfc/rfc9449#section-7.1> for the
//! `DPoP` scheme. Tokens in a form or a query are not read (RFC 9700 4.3.2).

use std::fmt::Write as _;

use super::error::{ErrorCode, OAuthError};
use super::scope::ScopeSet;
use crate::base::Secret;

/// Why an `Authorization` header holds no access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// RFC 6750 2.1: neither `Bearer` nor `DPoP`.
    #[error("authorization scheme not supported")]
    Scheme,
    /// RFC 6750 2.1: not `1*SP b64token`, or longer than 8 KiB.
    #[error("malformed access token")]
    Malformed,
}

impl From<BearerError> for OAuthError {
    fn from(error: BearerError) -> Self {
        match error {
            BearerError::Scheme => Self::new(ErrorCode::InvalidToken, "authorization scheme not supported"),
            BearerError::Malformed => Self::new(ErrorCode::InvalidToken, "malformed access token"),
        }
    }
}

/// How an access token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 6750 2.1.
    Bearer,
    /// RFC 9449 7.1.
    Dpop,
}

impl Scheme {
    /// The scheme as printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// An access token as presented; nothing about it is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedToken {
    /// The scheme it came with; a bound token is refused under `Bearer` (RFC 9449 7.2).
    pub scheme: Scheme,
    /// The token.
    pub token: Secret,
}

impl PresentedToken {
    /// Reads the value of an `Authorization` header; schemes are case-insensitive (RFC 9110 11.1).
    ///
    /// # Errors
    /// [`BearerError`].
    pub fn parse(header: &str) -> Result<Self, BearerError> {
        let (scheme, rest) = header.split_once(' ').ok_or(BearerError::Scheme)?;
        let scheme = [Scheme::Bearer, Scheme::Dpop]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(scheme))
            .ok_or(BearerError::Scheme)?;
        let token = rest.trim_start_matches(' ');
        // RFC 6750 2.1: b64token.
        let body = token.trim_end_matches('=');
        let legal = |b: u8| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        // Without an early end many bytes are compared at once.
        let all_legal = body.bytes().fold(true, |all, byte| all & legal(byte));
        if body.is_empty() || token.len() > MAX_BYTES || !all_legal {
            return Err(BearerError::Malformed);
        }
        Ok(Self { scheme, token: Secret::new(token.to_owned()) })
    }
}

/// A `WWW-Authenticate` value (RFC 6750 3, RFC 9449 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: Scheme,
    error: Option<(ErrorCode, &'static str)>,
    scope: Option<ScopeSet>,
    algorithms: Option<String>,
}

impl Challenge {
    /// A bare challenge, for a request that presented nothing: it carries no error (RFC 6750 3.1).
    #[must_use]
    pub const fn new(scheme: Scheme) -> Self {
        Self { scheme, error: None, scope: None, algorithms: None }
    }

    /// Says what was wrong with what was presented (RFC 6750 3).
    #[must_use]
    pub const fn error(mut self, error: &OAuthError) -> Self {
        self.error = Some((error.code, error.public));
        self
    }

    /// Names the scope the resource needs (RFC 6750 3).
    #[must_use]
    pub fn scope(mut self, scope: ScopeSet) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Names the algorithms of acceptable proofs, space separated (RFC 9449 7.1).
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl Into<String>) -> Self {
        self.algorithms = Some(algorithms.into());
        self
    }

    /// The header value.
    #[must_use]
    pub fn header(&self) -> String {
        let mut value = format!("{} realm=\"{REALM}\"", self.scheme.as_str());
        if let Some((code, public)) = self.error {
            parameter(&mut value, "error", code.as_str());
            parameter(&mut value, "error_description", public);
        }
        if let Some(scope) = &self.scope {
            parameter(&mut value, "scope", &scope.to_string());
        }
        if let Some(algorithms) = &self.algorithms {
            parameter(&mut value, "algs", algorithms);
        }
        value
    }
}

// The values are our own texts and scopes, none of which can hold a quote or a backslash (RFC 6750 3).
fn parameter(header: &mut String, name: &str, value: &str) {
    let _ = write!(header, ", {name}=\"{value}\"");
}

const MAX_BYTES: usize = 8 * 1024;
const REALM: &str = "sceau";
