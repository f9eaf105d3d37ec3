//! A person as this provider keeps them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Professional;
use crate::base::PersonId;

/// A person of the directory and their state here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The identifier used inside; never seen by a client.
    pub id: PersonId,
    /// The random seed of the pairwise `sub` (`OpenID` Connect Core 8.1). Never changes, moves with a merge.
    pub subject_seed: [u8; 32],
    /// What the directory says.
    pub professional: Professional,
    /// Whether the person may authenticate.
    pub status: PersonStatus,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("id", &self.id).field("status", &self.status).finish_non_exhaustive()
    }
}

/// Whether a person may authenticate and enrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonStatus {
    /// May authenticate and enrol.
    Active,
    /// Blocked by an officer: neither authentication nor a new enrolment.
    Locked,
    /// No longer in the directory; kept so that a return finds the same `sub`.
    Deactivated,
}

impl PersonStatus {
    /// The status as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Deactivated => "deactivated",
        }
    }

    /// The status stored as `text`; none when unknown.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Active, Self::Locked, Self::Deactivated].into_iter().find(|status| status.as_str() == text)
    }
}
