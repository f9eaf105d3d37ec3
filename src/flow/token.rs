//! The token endpoint (RFC 6749 3.2): one order of checks for every grant (design decision 6).
//!
//! 1. parse 2. stateless DPoP nonce 3. client authentication 4. DPoP proof 5. the grant's own file.

use crate::audit::EventKind;
use crate::base::UnixTime;
use crate::jose::Thumbprint;
use crate::oauth::{ErrorCode, GrantType, OAuthError, RawParams, TokenRequest, TokenResponse, token_request};

use super::{AuthenticatedClient, FlowError, Origin, PresentedCredentials, PresentedProof, Provider};

/// A call by a client, at the token endpoint or to push a request.
pub struct ClientCall {
    /// Form parameters.
    pub params: RawParams,
    /// Client credentials.
    pub credentials: PresentedCredentials,
    /// `DPoP` header values with what they must match; empty values: no proof.
    pub proof: PresentedProof,
    /// Where from.
    pub origin: Origin,
}

impl Provider {
    /// `POST /token`.
    pub async fn token(&self, call: ClientCall) -> Result<TokenResponse, FlowError> {
        let now = self.now();
        let request = token_request(&call.params)?;
        self.check_nonce(&call.proof, now).await?;
        let client = self.authenticate_client(call.credentials, &call.origin, now).await?;
        self.require_grant(&client, &request, now).await?;
        let jkt = self.proved_key(&call.proof, now).await?;
        if jkt.is_none() && client.client().dpop_bound_access_tokens {
            let id = client.client().client_id.clone();
            let event = self.refused(EventKind::ClientAuthentication, "key_not_proved", now).with_client(id);
            self.ports.audit.append(&event).await?;
            return Err(FlowError::protocol(ErrorCode::InvalidDpopProof, "this client must prove a key"));
        }
        match request {
            TokenRequest::Code { code, redirect_uri, code_verifier } => {
                let presented = super::grant_code::Presented { code, redirect_uri, code_verifier, jkt };
                self.redeem_code(client.client(), presented, now).await
            }
            TokenRequest::Refresh { refresh_token, scope } => {
                let presented = super::grant_refresh::Presented { refresh_token, scope, jkt };
                self.refresh(client.client(), presented, now).await
            }
            TokenRequest::ClientCredentials { scope } => {
                self.issue_to_client(client.client(), scope.as_ref(), jkt, now).await
            }
        }
    }

    /// A client may use only the grants it registered (`security.md` TK-07).
    async fn require_grant(
        &self,
        client: &AuthenticatedClient,
        request: &TokenRequest,
        now: UnixTime,
    ) -> Result<(), FlowError> {
        let grant = match request {
            TokenRequest::Code { .. } => GrantType::AuthorizationCode,
            TokenRequest::Refresh { .. } => GrantType::RefreshToken,
            TokenRequest::ClientCredentials { .. } => GrantType::ClientCredentials,
        };
        if client.client().allows_grant(grant) {
            return Ok(());
        }
        let id = client.client().client_id.clone();
        let event =
            self.refused(EventKind::ClientAuthentication, "grant_not_registered", now).with_client(id);
        self.ports.audit.append(&event).await?;
        Err(OAuthError::new(ErrorCode::UnauthorizedClient, "this client may not use this grant").into())
    }

    /// The key a DPoP proof shows, if one was sent; its `jti` is then used up (RFC 9449 4.3, 11.1).
    pub(crate) async fn proved_key(
        &self,
        proof: &PresentedProof,
        now: UnixTime,
    ) -> Result<Option<Thumbprint>, FlowError> {
        if proof.headers.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.accept_proof(proof, None, now).await?.jkt))
    }
}
