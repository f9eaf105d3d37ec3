//! One provider: what is remembered of it between logins, and the budget of time of each call.

use std::future::Future;
use std::time::Duration;

use tracing::instrument;
use url::Url;

use super::OwnSide;
use super::authorization::authorization_url;
use super::breaker::{Admission, Breaker};
use super::discovery::{Metadata, MetadataCache};
use super::fetch::{Fetcher, Reply};
use super::keys::KeyCache;
use crate::base::UnixTime;
use crate::federation::UpstreamProvider;
use crate::oidc::at_hash;
use crate::ports::{
    UpstreamAnswer, UpstreamCallback, UpstreamError, UpstreamLogout, UpstreamOutage, UpstreamRefusal,
    UpstreamRequest,
};

/// What is fetched serves this long without being read again.
pub(super) const FRESH: Duration = Duration::from_mins(10);
/// Between two readings of what is known already.
pub(super) const PAUSE: Duration = Duration::from_mins(1);

pub(super) struct Connection {
    pub(super) provider: UpstreamProvider,
    pub(super) http: Fetcher,
    pub(super) own: OwnSide,
    pub(super) metadata: MetadataCache,
    pub(super) keys: KeyCache,
    breaker: Breaker,
}

impl Connection {
    pub(super) fn new(provider: UpstreamProvider, http: Fetcher, own: OwnSide) -> Self {
        let (metadata, keys) = (MetadataCache::default(), KeyCache::default());
        Self { provider, http, own, metadata, keys, breaker: Breaker::default() }
    }

    #[instrument(name = "upstream.authorization_url", skip_all, fields(provider = %self.provider.id))]
    pub(super) async fn authorization_url(&self, request: &UpstreamRequest) -> Result<Url, UpstreamError> {
        let metadata = match self.breaker.admit(self.now()) {
            Admission::Refuse => return Err(UpstreamOutage::CircuitOpen.into()),
            Admission::Probe => self.in_time(self.read_metadata()).await?,
            Admission::Pass => self.in_time(self.known_metadata()).await?,
        };
        Ok(authorization_url(&self.provider, &metadata, request)?)
    }

    #[instrument(name = "upstream.redeem", skip_all, fields(provider = %self.provider.id))]
    pub(super) async fn redeem(&self, callback: &UpstreamCallback) -> Result<UpstreamAnswer, UpstreamError> {
        self.in_time(self.redeem_steps(callback)).await
    }

    #[instrument(name = "upstream.logout_url", skip_all, fields(provider = %self.provider.id))]
    pub(super) async fn logout_url(&self, logout: &UpstreamLogout) -> Result<Option<Url>, UpstreamError> {
        let metadata = self.in_time(self.known_metadata()).await?;
        let Some(mut url) = metadata.end_session.clone() else { return Ok(None) };
        // RP-Initiated Logout 2
        url.query_pairs_mut()
            .append_pair("id_token_hint", logout.id_token_hint.expose())
            .append_pair("state", logout.state.expose())
            .append_pair("post_logout_redirect_uri", &logout.post_logout_redirect_uri);
        Ok(Some(url))
    }

    async fn redeem_steps(&self, callback: &UpstreamCallback) -> Result<UpstreamAnswer, UpstreamError> {
        let metadata = self.known_metadata().await?;
        self.check_callback_issuer(callback, &metadata)?;
        let tokens = self.exchange(callback, &metadata).await?;
        let id_token = self.open_id_token(&tokens.id_token).await?;
        let verified = self.verify(id_token.expose(), &metadata).await?;
        let hash = at_hash(verified.header.alg, &tokens.access_token);
        self.check_id_token(&verified, &callback.nonce, &hash, self.now())?;
        let userinfo = self.userinfo(&tokens.access_token, &verified.claims, &metadata).await?;
        Ok(UpstreamAnswer {
            issuer: self.provider.issuer.clone(),
            id_token: verified.claims,
            userinfo,
            id_token_hint: id_token,
        })
    }

    /// RFC 9207 2.4: before any request, so that a code of another provider is sent to nobody (RFC 9700 4.4).
    fn check_callback_issuer(
        &self,
        callback: &UpstreamCallback,
        metadata: &Metadata,
    ) -> Result<(), UpstreamRefusal> {
        match &callback.iss {
            Some(iss) if *iss == self.provider.issuer => Ok(()),
            Some(_) => Err(UpstreamRefusal::CallbackIssuer),
            None if metadata.names_itself => Err(UpstreamRefusal::CallbackIssuerMissing),
            None => Ok(()),
        }
    }

    /// The outcome of one call, which the breaker hears of.
    pub(super) fn heard(&self, outcome: Result<Reply, UpstreamError>) -> Result<Reply, UpstreamError> {
        match &outcome {
            Err(UpstreamError::Unavailable(_)) => self.breaker.failed(self.now()),
            Ok(_) | Err(UpstreamError::Refused(_)) => self.breaker.answered(),
        }
        outcome
    }

    /// All calls of one step have one budget.
    async fn in_time<T>(
        &self,
        steps: impl Future<Output = Result<T, UpstreamError>> + Send,
    ) -> Result<T, UpstreamError> {
        tokio::time::timeout(self.provider.timeout, steps).await.unwrap_or_else(|_| {
            self.breaker.failed(self.now());
            Err(UpstreamOutage::TimedOut.into())
        })
    }

    pub(super) fn now(&self) -> UnixTime {
        self.own.clock.now()
    }
}
