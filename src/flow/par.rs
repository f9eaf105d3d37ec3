//! Pushed authorization requests (RFC 9126): kept under the hash of their `request_uri`, finished once.

use std::time::Duration;

use crate::audit::EventKind;
use crate::base::{EntropyExt, TokenHash, UnixTime};
use crate::jose::Thumbprint;
use crate::oauth::{
    AuthorizeError, Client, ErrorCode, LoadLimit, OAuthError, PushedAnswer, RawParams, RequestUri,
    bound_to_key, pushed_parameters,
};
use crate::oidc::authentication_request;
use crate::ports::{PushedRequest, ThrottleRule};

use super::{ClientCall, FlowError, Origin, Provider};

/// Bytes kept of one request: anybody may have one kept by `POST /authorize`.
const MAX_KEPT: usize = 32 * 1024;

/// Requests kept for one source, which may be a hospital behind one address.
const KEPT: ThrottleRule =
    ThrottleRule { name: "requests_kept", limit: 1200, window: Duration::from_mins(1) };

impl Provider {
    /// `POST /par`: authenticates the client, judges the request as `/authorize` would, and keeps it (RFC 9126 2). The
    /// order is that of the token endpoint (design decision 6).
    pub async fn push_request(&self, call: ClientCall) -> Result<PushedAnswer, FlowError> {
        let now = self.now();
        self.check_nonce(&call.proof, now).await?;
        let client = self.authenticate_client(call.credentials, &call.origin, now).await?.into_client();
        let jkt = self.proved_key(&call.proof, now).await?;
        let params = match judged(call.params, jkt, &client) {
            Ok(params) => params,
            Err(error) => {
                let event = self.refused(EventKind::PushedRequest, error.code.as_str(), now);
                self.ports.audit.append(&event.with_client(client.client_id.clone())).await?;
                return Err(error.into());
            }
        };
        let answer = self.keep_request(&client, &params, now).await?;
        let event =
            self.succeeded(EventKind::PushedRequest, "pushed", now).with_client(client.client_id.clone());
        self.ports.audit.append(&event).await?;
        Ok(answer)
    }

    /// Keeps the parameters of a cross-site `POST /authorize`, so that the browser can come back by GET with its
    /// session cookie and without personal data in the address (design decision 19, `security.md` AZ-26).
    pub async fn stash_request(
        &self,
        params: &RawParams,
        origin: &Origin,
    ) -> Result<PushedAnswer, FlowError> {
        let now = self.now();
        let client = self.requesting_client(params).await?;
        // Kept like a push, but nobody authenticated: it must not pass for one.
        if client.profile.requires_par() {
            return Err(must_push());
        }
        self.allow_one_more(origin, now).await?;
        self.keep_request(&client, params, now).await
    }

    /// Counts what is kept for somebody who has proved nothing.
    pub(super) async fn allow_one_more(&self, origin: &Origin, now: UnixTime) -> Result<(), FlowError> {
        if self.ports.throttle.hit(KEPT, &origin.source(), now).await? {
            return Ok(());
        }
        let refusal = OAuthError::over(LoadLimit::Kept, "too many requests from this address");
        Err(refusal.with_retry_after(KEPT.window).into())
    }

    /// The request that `client` pushed under `uri`, while it is neither finished nor too old.
    pub(super) async fn pushed_by(
        &self,
        client: &Client,
        uri: &str,
        now: UnixTime,
    ) -> Result<Option<(TokenHash, String)>, FlowError> {
        let Some(hash) = RequestUri::parse(uri) else { return Ok(None) };
        let pushed = self.ports.one_shot.load_pushed(&hash, now).await?;
        let own = pushed.filter(|pushed| pushed.client == client.client_id);
        Ok(own.map(|pushed| (hash, pushed.parameters)))
    }

    /// RFC 9126 4; one answer for unknown, expired, used and foreign.
    pub(super) async fn refuse_request_uri(
        &self,
        client: &Client,
        now: UnixTime,
    ) -> Result<FlowError, FlowError> {
        let event = self.refused(EventKind::AuthorizationRequest, "request_uri_unknown", now);
        self.ports.audit.append(&event.with_client(client.client_id.clone())).await?;
        Ok(FlowError::protocol(ErrorCode::InvalidRequestUri, "request_uri is unknown or expired"))
    }

    async fn keep_request(
        &self,
        client: &Client,
        params: &RawParams,
        now: UnixTime,
    ) -> Result<PushedAnswer, FlowError> {
        let parameters = params.encode();
        if parameters.len() > MAX_KEPT {
            return Err(FlowError::protocol(ErrorCode::InvalidRequest, "the request is too large"));
        }
        let request_uri = RequestUri::new(self.ports.entropy.token());
        let lifetime = self.policy.lifetimes.pushed_request;
        let request = PushedRequest {
            client: client.client_id.clone(),
            parameters,
            deadline: now.plus(lifetime),
            finished_by: None,
            kept_until: now.plus(lifetime + self.policy.lifetimes.interaction),
        };
        self.ports.one_shot.put_pushed(&request_uri.hash(), &request).await?;
        Ok(PushedAnswer { request_uri, expires_in: lifetime.as_secs() })
    }
}

/// FAPI 2.0 5.3.2.2: only pushed requests are taken from this client.
pub(super) fn must_push() -> FlowError {
    FlowError::protocol(ErrorCode::InvalidRequest, "this client must push its requests")
}

/// A push that could be answered. At the pushing endpoint every refusal goes to the client directly (RFC 9126 2.3).
fn judged(params: RawParams, jkt: Option<Thumbprint>, client: &Client) -> Result<RawParams, OAuthError> {
    let mut params = pushed_parameters(params)?;
    if let Some(jkt) = jkt {
        params = bound_to_key(&params, &jkt)?;
    }
    match authentication_request(&params, client) {
        Ok(_) => Ok(params),
        Err(AuthorizeError::Page(error)) => Err(error),
        Err(AuthorizeError::Redirect(redirect)) => Err(redirect.error),
    }
}
