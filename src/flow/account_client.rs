//! The client behind the pages of a person's own account: made here, never stored, so that nobody can change it.
//!
//! It begins sessions and nothing else: no credential authenticates it, and the code it is given is redeemed by nobody.

use std::sync::Arc;

use crate::base::ClientId;
use crate::jose::Algorithm;
use crate::oauth::{
    Client, ClientAuthMethod, ConsentPolicy, GrantType, Profile, RedirectUri, ResponseProtection, ScopeSet,
};
use crate::ports::PortResult;

use super::Provider;

/// Identifier of the client of the account pages.
pub const ACCOUNT_CLIENT: &str = "sceau-account";

/// Whether `id` is the client of the account pages.
pub(super) fn is_account(id: &ClientId) -> bool {
    id.as_str() == ACCOUNT_CLIENT
}

impl Provider {
    /// A client that may send a browser: registered, or our own.
    pub(super) async fn browser_client(&self, id: &ClientId) -> PortResult<Option<Arc<Client>>> {
        if is_account(id) {
            return Ok(self.account_client(id).map(Arc::new));
        }
        self.registered_client(id).await
    }

    fn account_client(&self, id: &ClientId) -> Option<Client> {
        let address = RedirectUri::parse(&format!("{}/account", self.policy.issuer), false).ok()?;
        let redirect_uris = vec![address];
        Some(Client {
            client_id: id.clone(),
            name: String::from("Mon compte sceau"),
            profile: Profile::Oidc,
            auth: ClientAuthMethod::SecretBasic,
            secret_hash: None,
            jwks: None,
            sector: Client::sector_of(&redirect_uris)?,
            redirect_uris,
            post_logout_redirect_uris: Vec::new(),
            grant_types: vec![GrantType::AuthorizationCode],
            scopes: ScopeSet::parse("openid").ok()?,
            id_token_alg: Algorithm::Es256,
            dpop_bound_access_tokens: false,
            consent: ConsentPolicy::Implicit,
            resource_server: false,
            release: ScopeSet::default(),
            responses: ResponseProtection::default(),
            enabled: true,
        })
    }
}
