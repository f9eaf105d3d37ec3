//! What the phone shows, and nothing else: the text the person approves and the phone signs.
//!
//! Canonical form: RFC 8785. Strings and one array of strings only, so that every JSON library gives the
//! same bytes.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::BindingError;
use crate::base::ApprovalId;
use crate::jose::canonicalise;

/// The text of an approval.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalText {
    /// Name of the service that asks.
    pub service: String,
    /// What for.
    pub purpose: String,
    /// Where the request comes from: browser, place, as far as known.
    pub origin: String,
    /// When, as the phone shows it.
    pub at: String,
    /// Further lines, such as the binding message of the client (`CIBA Core 7.1`).
    pub details: Vec<String>,
    /// The approval this text belongs to: no signature serves for two.
    pub approval: ApprovalId,
}

impl ApprovalText {
    /// Exactly what the phone receives and shows.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "service": self.service,
            "purpose": self.purpose,
            "origin": self.origin,
            "at": self.at,
            "details": self.details,
            "approval": self.approval.to_string(),
        })
    }

    /// The bytes that are hashed (RFC 8785).
    ///
    /// # Errors
    /// [`BindingError`] when the text has no canonical form.
    pub fn canonical(&self) -> Result<Vec<u8>, BindingError> {
        canonicalise(&self.to_json()).map_err(|_| BindingError)
    }
}

impl fmt::Debug for ApprovalText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApprovalText").field("approval", &self.approval).finish_non_exhaustive()
    }
}
