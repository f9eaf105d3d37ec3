//! Identity providers above us, called over HTTP: a strict relying party (`OpenID Connect Core` 3.1, 5.3; Discovery 4;
//! RP-Initiated Logout 2; RFC 9207; RFC 9700 4.4).
//!
//! The addresses are the operator's and nothing else's: every endpoint is of the issuer's own origin, no redirection
//! is followed. What comes back is read by our strict decoder. `openidconnect` writes the authorization request; it
//! neither opens encrypted tokens, nor verifies userinfo signed with ES256, nor refuses a member that occurs twice.

mod authorization;
mod breaker;
mod client_keys;
mod connection;
mod discovery;
mod fetch;
mod id_token;
mod keys;
mod token;
mod userinfo;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use crate::base::{Clock, Entropy};
use crate::federation::{ProviderId, UpstreamProvider};
use crate::ports::{
    Decrypter, Keys, Signer, Upstream, UpstreamAnswer, UpstreamCallback, UpstreamError, UpstreamLogout,
    UpstreamRefusal, UpstreamRequest,
};
pub use client_keys::ClientKeySets;
use connection::Connection;
use fetch::Fetcher;

/// What the bridge needs of ours: keys to sign assertions and to open tokens, time and randomness.
#[derive(Clone)]
pub struct OwnSide {
    /// Key records.
    pub keys: Arc<dyn Keys>,
    /// The signer.
    pub signer: Arc<dyn Signer>,
    /// The decrypter.
    pub decrypter: Arc<dyn Decrypter>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Entropy.
    pub entropy: Arc<dyn Entropy>,
}

/// The HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("setting up HTTP for identity providers: {0}")]
pub struct BridgeError(#[from] reqwest::Error);

/// The providers of the settings.
pub struct Bridge(Vec<Connection>);

impl Bridge {
    /// A bridge to `providers`; without any, every call is refused.
    ///
    /// # Errors
    /// [`BridgeError`].
    pub fn new(providers: Vec<UpstreamProvider>, own: &OwnSide) -> Result<Self, BridgeError> {
        if providers.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let http = Fetcher::new()?;
        let connect = |provider: UpstreamProvider| Connection::new(provider, http.clone(), own.clone());
        Ok(Self(providers.into_iter().map(connect).collect()))
    }

    fn to(&self, provider: &ProviderId) -> Result<&Connection, UpstreamError> {
        let mut connections = self.0.iter();
        connections
            .find(|connection| connection.provider.id == *provider)
            .ok_or_else(|| UpstreamRefusal::UnknownProvider.into())
    }
}

#[async_trait]
impl Upstream for Bridge {
    fn providers(&self) -> Vec<&UpstreamProvider> {
        self.0.iter().map(|connection| &connection.provider).collect()
    }

    async fn authorization_url(&self, request: &UpstreamRequest) -> Result<Url, UpstreamError> {
        self.to(&request.provider)?.authorization_url(request).await
    }

    async fn redeem(&self, callback: &UpstreamCallback) -> Result<UpstreamAnswer, UpstreamError> {
        self.to(&callback.provider)?.redeem(callback).await
    }

    async fn logout_url(&self, logout: &UpstreamLogout) -> Result<Option<Url>, UpstreamError> {
        self.to(&logout.provider)?.logout_url(logout).await
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.providers().into_iter().map(|provider| &provider.id).collect();
        f.debug_tuple("Bridge").field(&ids).finish()
    }
}
