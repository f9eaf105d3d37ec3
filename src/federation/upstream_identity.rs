//! What another provider said of a person, read and checked.

use std::fmt;

use super::names::IndexMaterial;
use crate::base::{Secret, UnixTime};
use crate::identity::{Acr, Pivot};

/// The account of a person at another provider: issuer and subject together (`OpenID` Connect Core 2, ASVS 6.8.1). Equal
/// subjects of two issuers are two accounts. The subject is redacted in `Debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamKey {
    issuer: String,
    subject: Secret,
}

impl UpstreamKey {
    /// The account `subject` of `issuer`.
    #[must_use]
    pub const fn new(issuer: String, subject: Secret) -> Self {
        Self { issuer, subject }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject.
    #[must_use]
    pub const fn subject(&self) -> &Secret {
        &self.subject
    }

    /// What the blind index of the link is computed from: issuer and subject, each with its length.
    #[must_use]
    pub fn index_material(&self) -> IndexMaterial {
        IndexMaterial::of([
            b"upstream 1".as_slice(),
            self.issuer.as_bytes(),
            self.subject.expose().as_bytes(),
        ])
    }
}

/// An agent as `ProConnect` describes them.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentIdentity {
    /// The identifier at the agent's own provider.
    pub uid: Secret,
    /// First name in use.
    pub given_name: String,
    /// Number of the establishment: 14 digits.
    pub siret: String,
}

/// What the tokens of another provider say, after [`super::map_claims`]. Redacted in `Debug` but for the assurance.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamIdentity {
    /// The account.
    pub key: UpstreamKey,
    /// The level reached; none when absent or unknown here (ASVS 6.8.4: then nothing is presumed).
    pub acr: Option<Acr>,
    /// The methods used (RFC 8176).
    pub amr: Vec<String>,
    /// When the person authenticated there.
    pub auth_time: Option<UnixTime>,
    /// The traits of the civil register.
    pub pivot: Option<Pivot>,
    /// The agent, from a provider of agents.
    pub agent: Option<AgentIdentity>,
    /// As declared there; no proof of anything.
    pub email: Option<String>,
    /// The family name in use.
    pub used_family_name: Option<String>,
}

impl fmt::Debug for AgentIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentIdentity([redacted])")
    }
}

impl fmt::Debug for UpstreamIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamIdentity")
            .field("key", &self.key)
            .field("acr", &self.acr)
            .field("amr", &self.amr)
            .finish_non_exhaustive()
    }
}
