//! What every handler is given.

use std::sync::Arc;

use axum::extract::FromRef;

use super::extract::TrustedProxies;
use crate::flow::Provider;

/// The state of the router.
#[derive(Clone)]
pub struct AppState {
    /// The use cases.
    pub provider: Arc<Provider>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Web origins that may call `/mobile/v1`, as browsers write them in `Origin`.
    pub mobile_origins: Vec<String>,
}

impl AppState {
    /// Cookies carry the `__Host-` prefix and `Secure`, but on an http loopback issuer (design decision 11).
    #[must_use]
    pub fn secure_cookies(&self) -> bool {
        self.provider.policy.issuer.starts_with("https://")
    }
}

impl FromRef<AppState> for Arc<Provider> {
    fn from_ref(state: &AppState) -> Self {
        Self::clone(&state.provider)
    }
}

impl FromRef<AppState> for TrustedProxies {
    fn from_ref(state: &AppState) -> Self {
        state.trusted_proxies.clone()
    }
}
