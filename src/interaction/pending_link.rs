//! A link to another provider that waits for its other side: the approval of the person's phone, in the same interaction.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::{ApprovalId, PersonId, Secret, sealed_text};
use crate::identity::Pivot;

/// What the other provider proved, bound to the one approval that may complete it. Redacted in `Debug`; only inside
/// an interaction, which is sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLink {
    /// The approval that completes it.
    pub approval: ApprovalId,
    /// Whose account here.
    pub person: PersonId,
    /// The provider, as configured.
    pub provider: String,
    /// Issuer of the account there.
    pub issuer: String,
    /// Its subject.
    #[serde(with = "sealed_text")]
    pub subject: Secret,
    /// The traits it showed.
    pub pivot: Option<Pivot>,
}

impl fmt::Debug for PendingLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLink")
            .field("approval", &self.approval)
            .field("person", &self.person)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
