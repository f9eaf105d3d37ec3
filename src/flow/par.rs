//! Pushed authorization requests (RFC 9126): kept under the hash of their `request_uri`, finished once.

use crate::audit::EventKind;
use crate::base::{EntropyExt, UnixTime};
use crate::oauth::{
    AuthorizeError, Client, ErrorCode, PushedAnswer, RawParams, RequestUri, pushed_parameters,
};
use crate::oidc::authentication_request;
use crate::ports::PushedRequest;

use super::{FlowError, Origin, PresentedCredentials, Provider};

impl Provider {
    /// `POST /par`: authenticates the client, judges the request as `/authorize` would, and keeps it (RFC 9126 2).
    pub async fn push_request(
        &self,
        credentials: PresentedCredentials,
        params: RawParams,
        origin: &Origin,
    ) -> Result<PushedAnswer, FlowError> {
        let now = self.now();
        let client = self.authenticate_client(credentials, origin, now).await?.into_client();
        let params = pushed_parameters(params)?;
        authentication_request(&params, &client).map_err(refusal)?;
        let answer = self.keep_request(&client, &params, now).await?;
        let event = self.succeeded(EventKind::PushedRequest, "pushed", now).with_client(client.client_id);
        self.ports.audit.append(&event).await?;
        Ok(answer)
    }

    /// Keeps the parameters of a cross-site `POST /authorize`, so that the browser can come back by GET with its
    /// session cookie and without personal data in the address (design decision 19, `security.md` AZ-26).
    pub async fn stash_request(&self, params: &RawParams) -> Result<PushedAnswer, FlowError> {
        let now = self.now();
        let client = self.requesting_client(params).await?;
        if client.profile.requires_par() {
            return Err(not_pushed());
        }
        self.keep_request(&client, params, now).await
    }

    async fn keep_request(
        &self,
        client: &Client,
        params: &RawParams,
        now: UnixTime,
    ) -> Result<PushedAnswer, FlowError> {
        let request_uri = RequestUri::new(self.ports.entropy.token());
        let lifetime = self.policy.lifetimes.pushed_request;
        let opens_until = now.plus(lifetime);
        let request = PushedRequest {
            client: client.client_id.clone(),
            parameters: params.encode(),
            opens_until,
            // A person who opens it at the last moment has the time of every other.
            deadline: opens_until.plus(self.policy.lifetimes.interaction),
        };
        self.ports.one_shot.put_pushed(&request_uri.hash(), &request).await?;
        Ok(PushedAnswer { request_uri, expires_in: lifetime.as_secs() })
    }
}

/// FAPI 2.0 5.3.2.2: the request did not come from the client itself.
pub(super) fn not_pushed() -> FlowError {
    FlowError::protocol(ErrorCode::InvalidRequest, "this client must push its requests")
}

/// At the pushing endpoint every refusal goes to the client directly (RFC 9126 2.3).
fn refusal(error: AuthorizeError) -> FlowError {
    match error {
        AuthorizeError::Page(error) => error.into(),
        AuthorizeError::Redirect(redirect) => redirect.error.into(),
    }
}
