//! The client credentials grant (RFC 6749 4.4): the light form of the gate (design decision 5).
//!
//! No person, no refresh token, no ID token. The cut-offs are those this replica knows, the issuance record is the
//! audit row, whose transaction is `kid.jti`; the order is that of the durable form: commit, sign, keep, answer, and once
//! more from the plan on when the key was replaced in between.

use serde_json::Map;

use crate::audit::EventKind;
use crate::base::{Secret, TokenHash, UnixTime};
use crate::jose::{Algorithm, Thumbprint};
use crate::oauth::{
    AccessTokenContent, Client, ErrorCode, OAuthError, ScopeSet, TokenResponse, TokenType,
    access_token_claims, access_token_header, client_scope,
};
use crate::ports::{AccessTokenRecord, PortError, PortResult};

use super::sign::unsigned;
use super::sign_again::KEY_REPLACED;
use super::{FlowError, Provider, Subject};

impl Provider {
    /// Issues an access token to `client` itself.
    pub(super) async fn issue_to_client(
        &self,
        client: &Client,
        requested: Option<&ScopeSet>,
        jkt: Option<Thumbprint>,
        now: UnixTime,
    ) -> Result<TokenResponse, FlowError> {
        let scope = client_scope(client, requested)?;
        let subject = Subject { client: Some(&client.client_id), ..Subject::default() };
        if let Err(by) = self.cutoffs.check(&*self.ports.revocation, subject, now, now).await? {
            let refused = self.refused(EventKind::TokensIssued, by.as_str(), now);
            self.ports.audit.append(&refused.with_client(client.client_id.clone())).await?;
            let error = OAuthError::new(ErrorCode::UnauthorizedClient, "this client may not have tokens");
            return Err(error.with_internal(by.as_str()).into());
        }
        let kid = self.planned_kid(Algorithm::Es256.as_str()).await?;
        let mut record = self.client_token(client, scope, (kid, jkt), now);
        let mut signed = self.commit_and_sign(&record, "client_credentials", now).await?;
        if matches!(signed, Err(PortError::Conflict)) {
            record.kid = self.planned_again(Algorithm::Es256, &record.kid).await?;
            record.jti = self.fresh_jti();
            signed = self.commit_and_sign(&record, KEY_REPLACED, now).await?;
        }
        let access_token = signed.map_err(|error| unsigned(&error))?;
        self.ports.access_tokens.put(&TokenHash::of(access_token.expose()), &record).await?;
        Ok(TokenResponse {
            access_token,
            token_type: if record.jkt.is_some() { TokenType::Dpop } else { TokenType::Bearer },
            expires_in: record.expires_at.since(record.issued_at).as_secs(),
            // RFC 6749 4.4.3
            refresh_token: None,
            refresh_expires_in: None,
            id_token: None,
            scope: record.scope,
        })
    }

    /// Signs what `record` says once its audit row is committed.
    async fn commit_and_sign(
        &self,
        record: &AccessTokenRecord,
        reason: &'static str,
        now: UnixTime,
    ) -> Result<PortResult<Secret>, FlowError> {
        let issued = self.succeeded(EventKind::TokensIssued, reason, now);
        let issued = issued.with_client(record.client.clone());
        let issued = issued.with_transaction(format!("{}.{}", record.kid, record.jti));
        self.ports.audit.append(&issued).await?;
        let nobody = Map::new();
        let claims = access_token_claims(&AccessTokenContent {
            issuer: &self.policy.issuer,
            subject: &record.subject,
            client_id: &record.client,
            audience: &record.audience,
            scope: &record.scope,
            jti: &record.jti,
            iat: record.issued_at,
            exp: record.expires_at,
            auth_time: None,
            acr: None,
            sid: None,
            jkt: record.jkt,
            acting: &nobody,
        });
        let header = access_token_header(Algorithm::Es256, &record.kid);
        Ok(self.sign_jwt(&header, &claims, &record.kid).await)
    }

    fn client_token(
        &self,
        client: &Client,
        scope: ScopeSet,
        (kid, jkt): (String, Option<Thumbprint>),
        now: UnixTime,
    ) -> AccessTokenRecord {
        AccessTokenRecord {
            client: client.client_id.clone(),
            person: None,
            on_behalf_of: None,
            device: None,
            sid: None,
            grant: None,
            family: None,
            // RFC 9068 2.2
            subject: client.client_id.to_string(),
            scope,
            claims: crate::oidc::ClaimsRequest::default(),
            audience: self.policy.issuer.clone(),
            jti: self.fresh_jti(),
            auth_time: None,
            acr: None,
            nonce: None,
            kid,
            jkt,
            auth_mode: None,
            told: None,
            issued_at: now,
            expires_at: now.plus(self.policy.lifetimes.access_token),
        }
    }
}
