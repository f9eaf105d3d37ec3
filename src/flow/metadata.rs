//! What this provider announces of itself (OpenID Connect Discovery 1.0 3, RFC 8414 2).

use serde_json::Value;

use crate::identity::{Acr, PatientClaim};
use crate::oauth::{ClientAuthMethod, GrantType, REPRESENTATION};
use crate::oidc::{ProviderFeatures, metadata};

use super::Provider;
use super::hub::USERINFO_ALGORITHMS;

impl Provider {
    /// Provider metadata of what is enabled now (OpenID Connect Discovery 1.0 3).
    #[must_use]
    pub fn metadata(&self) -> Value {
        let algorithms = self.keyring.signing_algorithms();
        metadata(&ProviderFeatures {
            issuer: self.policy.issuer.clone(),
            id_token_algorithms: algorithms.iter().filter_map(|name| name.parse().ok()).collect(),
            acr_values: vec![
                Acr::Eidas1.to_string(),
                Acr::Eidas2.min(self.policy.assurance.ceiling).to_string(),
            ],
            scopes: scopes(),
            claims: PatientClaim::ALL.map(PatientClaim::as_str).into_iter().chain(ACTING).collect(),
            userinfo_algorithms: USERINFO_ALGORITHMS.to_vec(),
            grant_types: GrantType::ALL.to_vec(),
            auth_methods: ClientAuthMethod::ALL.to_vec(),
            par_required: false,
            service_documentation: None,
        })
    }
}

/// Scopes offered; each claim about patients is one of its own.
fn scopes() -> Vec<String> {
    SCOPES.into_iter().chain(PatientClaim::ALL.map(PatientClaim::as_str)).map(str::to_owned).collect()
}

/// Of professionals, then of patients.
const SCOPES: [&str; 9] = [
    "openid",
    "profile",
    "scope_all",
    "rpps",
    "identity",
    "offline_access",
    "birth",
    "identite_pivot",
    REPRESENTATION,
];
/// Claims of who acts for a patient (RFC 8693 4.1).
const ACTING: [&str; 2] = ["act", "representation"];
