//! What this provider announces of itself (OpenID Connect Discovery 1.0 3, RFC 8414 2).

use serde_json::Value;

use crate::identity::Acr;
use crate::oauth::{ClientAuthMethod, GrantType};
use crate::oidc::{ProviderFeatures, metadata};

use super::Provider;

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
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            grant_types: GrantType::ALL.to_vec(),
            auth_methods: ClientAuthMethod::ALL.to_vec(),
            par_required: false,
            service_documentation: None,
        })
    }
}

/// Scopes offered (`domain.md` 1.2).
const SCOPES: [&str; 6] = ["openid", "profile", "scope_all", "rpps", "identity", "offline_access"];
