//! Proof Key for Code Exchange, `S256` only.
//!
//! <https://www.rfc-editor.org/rfc/rfc7636>: 4.1 (verifier), 4.2 and 4.3 (challenge), 4.4.1, 4.6 (check).
//! Whether a client must send one is for the client's profile; the downgrade rule of RFC 9700 4.8.2 is in
//! `rfc6749_token.rs`. `plain` is not offered.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::error::{ErrorCode, OAuthError};
use crate::base::{base64url, from_base64url, sha256};

/// Why a challenge or verifier is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// RFC 7636 4.3: `plain`, an unknown method, or none (which means `plain`).
    #[error("code_challenge_method must be S256")]
    Method,
    /// RFC 7636 4.3: a method without a challenge.
    #[error("code_challenge_method without code_challenge")]
    MethodAlone,
    /// RFC 7636 4.2: the challenge is not base64url of 32 bytes.
    #[error("malformed code_challenge")]
    Challenge,
    /// RFC 7636 4.1: the verifier is not 43 to 128 unreserved characters.
    #[error("malformed code_verifier")]
    Verifier,
    /// RFC 7636 4.6: the verifier is not the one of the challenge.
    #[error("wrong code_verifier")]
    Mismatch,
}

impl From<PkceError> for OAuthError {
    fn from(error: PkceError) -> Self {
        match error {
            // RFC 7636 4.4.1
            PkceError::Method => Self::new(ErrorCode::InvalidRequest, "code_challenge_method must be S256"),
            PkceError::MethodAlone => Self::new(ErrorCode::InvalidRequest, "code_challenge required"),
            PkceError::Challenge => Self::new(ErrorCode::InvalidRequest, "malformed code_challenge"),
            // RFC 7636 4.6
            PkceError::Verifier | PkceError::Mismatch => {
                Self::new(ErrorCode::InvalidGrant, "code_verifier does not match")
                    .with_internal(error.to_string())
            }
        }
    }
}

/// An `S256` challenge: SHA-256 of the verifier the client keeps.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// Reads the `code_challenge` and `code_challenge_method` parameters; neither is `None`.
    ///
    /// # Errors
    /// [`PkceError::Method`], [`PkceError::MethodAlone`], [`PkceError::Challenge`].
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, PkceError> {
        match (challenge, method) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(PkceError::MethodAlone),
            (Some(challenge), Some("S256")) => Self::decode(challenge).map(Some),
            // RFC 7636 4.3: an absent method means `plain`.
            (Some(_), _) => Err(PkceError::Method),
        }
    }

    /// The challenge of `verifier` (RFC 7636 4.2).
    ///
    /// # Errors
    /// [`PkceError::Verifier`].
    pub fn of(verifier: &str) -> Result<Self, PkceError> {
        // RFC 7636 4.1
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(legal) {
            return Err(PkceError::Verifier);
        }
        Ok(Self(sha256(&[verifier.as_bytes()])))
    }

    /// Checks the verifier presented with the code, in constant time (RFC 7636 4.6).
    ///
    /// # Errors
    /// [`PkceError::Verifier`], [`PkceError::Mismatch`].
    pub fn verify(&self, verifier: &str) -> Result<(), PkceError> {
        let presented = Self::of(verifier)?;
        if bool::from(self.0.ct_eq(&presented.0)) { Ok(()) } else { Err(PkceError::Mismatch) }
    }

    fn decode(text: &str) -> Result<Self, PkceError> {
        let bytes = from_base64url(text).map_err(|_| PkceError::Challenge)?;
        bytes.try_into().map(Self).map_err(|_| PkceError::Challenge)
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(self.0))
    }
}

impl fmt::Debug for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeChallenge({self})")
    }
}

impl TryFrom<String> for CodeChallenge {
    type Error = PkceError;

    fn try_from(text: String) -> Result<Self, PkceError> {
        Self::decode(&text)
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        challenge.to_string()
    }
}
