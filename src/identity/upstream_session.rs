//! That a browser is signed in at another identity provider: what signing out there needs (RP-Initiated Logout 2).

use serde::{Deserialize, Serialize};

use crate::base::{Secret, sealed_text};

/// A session at another provider, begun on the way to ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamSession {
    /// The provider, as configured.
    pub provider: String,
    /// Its ID token, signed and no longer encrypted.
    #[serde(with = "sealed_text")]
    pub id_token_hint: Secret,
}
