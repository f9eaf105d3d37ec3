//! The words of `sceau clients add --release`.

use std::collections::BTreeSet;

use crate::identity::{PatientClaim, ReleasePolicy, claims_of_scopes};
use crate::oauth::{REPRESENTATION, ScopeSet};

/// What a word of `--release` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Released {
    /// Claims about patients.
    Claims(BTreeSet<PatientClaim>),
    /// For whom a patient acts.
    Representation,
}

impl Released {
    /// The claims, if any.
    pub(super) fn claims(self) -> BTreeSet<PatientClaim> {
        match self {
            Self::Claims(claims) => claims,
            Self::Representation => BTreeSet::new(),
        }
    }
}

/// Reads a word of `--release`.
pub(super) fn released(word: &str) -> Result<Released, &'static str> {
    const UNKNOWN: &str = "not a claim about patients, nor a group of them";
    if word == REPRESENTATION {
        return Ok(Released::Representation);
    }
    if word == "france_connect" {
        return Ok(Released::Claims(accepted_by_hub()));
    }
    let claims = claims_of_scopes(&ScopeSet::parse(word).map_err(|_| UNKNOWN)?);
    if claims.is_empty() { Err(UNKNOWN) } else { Ok(Released::Claims(claims)) }
}

/// What `FranceConnect` accepts from an identity provider.
pub(super) fn accepted_by_hub() -> BTreeSet<PatientClaim> {
    let policy = ReleasePolicy::for_france_connect();
    PatientClaim::ALL.into_iter().filter(|claim| policy.allows(*claim)).collect()
}
