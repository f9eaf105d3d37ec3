//! What every handler may ask for.

use std::sync::Arc;

use axum::extract::FromRef;

use super::extract::Network;
use super::leaving::Leaving;
use crate::flow::Provider;

/// State of the public router.
#[derive(Clone)]
pub struct AppState {
    /// The use cases.
    pub provider: Arc<Provider>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[Network]>,
    /// Set when this process is about to end.
    pub leaving: Leaving,
    /// Origins of phones that live in a browser: CORS of `/mobile/v1`.
    pub mobile_origins: Arc<[String]>,
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

impl FromRef<AppState> for Arc<[Network]> {
    fn from_ref(state: &AppState) -> Self {
        Self::clone(&state.trusted_proxies)
    }
}
