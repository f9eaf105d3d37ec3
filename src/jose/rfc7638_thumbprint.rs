//! JWK thumbprints with SHA-256 (RFC 7638 3, RFC 8037 2): the name of a key that only the key decides.
//!
//! Covers sections 3.1 to 3.4. The URI form (RFC 9278) is not here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PublicKey;
use crate::base::{base64url, from_base64url, sha256};

/// SHA-256 of the required members of a key (RFC 7638 3); base64url of 43 characters on the wire, as in `jkt`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

/// The text is not 43 characters of canonical base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed key thumbprint")]
pub struct ThumbprintError;

impl Thumbprint {
    /// The thumbprint kept as `bytes`.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PublicKey {
    /// The thumbprint of this key (RFC 7638 3).
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        // RFC 7638 3.2, 3.3: required members only, in lexicographic order, no white space. Their values need no escape.
        let members: Vec<String> =
            self.required_members().iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        let json = format!("{{{}}}", members.join(","));
        Thumbprint(sha256(&[json.as_bytes()]))
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

impl FromStr for Thumbprint {
    type Err = ThumbprintError;

    fn from_str(text: &str) -> Result<Self, ThumbprintError> {
        let bytes = from_base64url(text).map_err(|_| ThumbprintError)?;
        bytes.try_into().map(Self).map_err(|_| ThumbprintError)
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
