//! Tokens signed after their commit: access token (RFC 9068), ID token (OpenID Connect Core 2), record, answer.
//!
//! A key may be replaced in between: then once more, from the plan on (`sign_again`).

use serde_json::{Value, json};

use crate::audit::EventKind;
use crate::base::{Secret, TokenHash, UnixTime};
use crate::jose::{Algorithm, compact, signing_input};
use crate::oauth::{
    AccessTokenContent, Client, ErrorCode, OAuthError, TokenResponse, TokenType, access_token_claims,
};
use crate::oidc::{IdTokenContent, at_hash, id_token_claims};
use crate::ports::{AccessTokenRecord, PortError};

use super::issue::{Mint, Refreshable};
use super::{FlowError, Provider};

impl Provider {
    /// Signs with the planned keys and keeps the record. Only after a commit, which was recorded as `kind`.
    pub(super) async fn sign_and_answer(
        &self,
        client: &Client,
        mut mint: Mint,
        refresh: Option<Refreshable>,
        (kind, now): (EventKind, UnixTime),
    ) -> Result<TokenResponse, FlowError> {
        let lifetime = client.profile.access_token_lifetime(self.policy.lifetimes.access_token);
        let expires = now.plus(lifetime);
        let mut signed = self.sign_tokens(client, &mint, (now, expires)).await;
        if matches!(signed, Err(PortError::Conflict)) {
            mint = self.mint_again(client, mint, kind, now).await?;
            signed = self.sign_tokens(client, &mint, (now, expires)).await;
        }
        let (access_token, id_token) = signed.map_err(|error| unsigned(&error))?;
        let record = self.token_record(client, &mint, expires, now);
        self.ports.access_tokens.put(&TokenHash::of(access_token.expose()), &record).await?;
        Ok(TokenResponse {
            access_token,
            token_type: if mint.jkt.is_some() { TokenType::Dpop } else { TokenType::Bearer },
            expires_in: lifetime.as_secs(),
            refresh_expires_in: refresh.as_ref().map(|refresh| refresh.ends.since(now).as_secs()),
            refresh_token: refresh.map(|refresh| refresh.token),
            id_token: Some(id_token),
            scope: mint.grant.scope,
        })
    }

    /// Access token and ID token. [`PortError::Conflict`] when a planned key signs no more.
    async fn sign_tokens(
        &self,
        client: &Client,
        mint: &Mint,
        (now, expires): (UnixTime, UnixTime),
    ) -> Result<(Secret, Secret), PortError> {
        let access_token = self.sign_access_token(client, mint, expires, now).await?;
        let id_token = self.sign_id_token(client, mint, &access_token, (now, expires)).await?;
        Ok((access_token, id_token))
    }

    async fn sign_access_token(
        &self,
        client: &Client,
        mint: &Mint,
        expires: UnixTime,
        now: UnixTime,
    ) -> Result<Secret, PortError> {
        let claims = access_token_claims(&AccessTokenContent {
            issuer: &self.policy.issuer,
            subject: &mint.subject,
            client_id: &client.client_id,
            audience: &self.policy.issuer,
            scope: &mint.grant.scope,
            jti: &mint.jti,
            iat: now,
            exp: expires,
            auth_time: Some(mint.grant.proof.auth_time),
            acr: Some(mint.acr.as_str()),
            sid: Some(mint.grant.sid),
            jkt: mint.jkt,
            acting: &mint.acting,
        });
        // RFC 9068 2.1
        let header = json!({ "alg": Algorithm::Es256.as_str(), "typ": "at+jwt", "kid": mint.access_kid });
        self.sign_jwt(&header, &claims, &mint.access_kid).await
    }

    async fn sign_id_token(
        &self,
        client: &Client,
        mint: &Mint,
        access_token: &Secret,
        (now, expires): (UnixTime, UnixTime),
    ) -> Result<Secret, PortError> {
        let alg = client.id_token_alg;
        let claims = id_token_claims(&IdTokenContent {
            issuer: &self.policy.issuer,
            subject: &mint.subject,
            client_id: &client.client_id,
            iat: now,
            exp: expires,
            auth_time: mint.grant.proof.auth_time,
            nonce: mint.nonce.as_deref(),
            acr: mint.acr.as_str(),
            amr: &mint.grant.proof.amr,
            sid: Some(mint.grant.sid),
            at_hash: Some(&at_hash(alg, access_token)),
            extra: mint.extra.clone(),
        });
        let header = json!({ "alg": alg.as_str(), "typ": "JWT", "kid": mint.id_kid });
        let signed = self.sign_jwt(&header, &claims, &mint.id_kid).await?;
        self.nested(signed, mint.id_token_key.as_ref())
    }

    pub(super) async fn sign_jwt(
        &self,
        header: &Value,
        claims: &Value,
        kid: &str,
    ) -> Result<Secret, PortError> {
        let input = signing_input(header, claims);
        let signature = self.ports.signer.sign(kid, input.as_bytes()).await.inspect_err(|error| {
            if matches!(error, PortError::Conflict) {
                self.keyring.doubt();
            }
        })?;
        let algorithm = header.get("alg").and_then(Value::as_str);
        self.check_signature(kid, algorithm, (&input, &signature))?;
        Ok(Secret::new(compact(input, &signature)))
    }

    fn token_record(
        &self,
        client: &Client,
        mint: &Mint,
        expires: UnixTime,
        now: UnixTime,
    ) -> AccessTokenRecord {
        AccessTokenRecord {
            client: client.client_id.clone(),
            person: Some(mint.grant.person),
            on_behalf_of: mint.grant.on_behalf_of,
            device: mint.grant.proof.device,
            sid: Some(mint.grant.sid),
            grant: Some(mint.grant.id),
            family: mint.family,
            subject: mint.subject.clone(),
            scope: mint.grant.scope.clone(),
            claims: mint.grant.claims.clone(),
            audience: self.policy.issuer.clone(),
            jti: mint.jti.clone(),
            auth_time: Some(mint.grant.proof.auth_time),
            acr: Some(mint.acr.to_string()),
            nonce: mint.grant.nonce.clone(),
            kid: mint.access_kid.clone(),
            jkt: mint.jkt,
            auth_mode: Some(mint.grant.proof.auth_mode),
            told: mint.told.as_ref().and_then(super::userinfo::as_written),
            issued_at: now,
            expires_at: expires,
        }
    }
}

/// After the commit a failure gives nothing and says so: the code stays spent, a rotated refresh token is still
/// accepted once more.
pub(super) fn unsigned(error: &PortError) -> FlowError {
    OAuthError::new(ErrorCode::TemporarilyUnavailable, "the tokens could not be signed; try again")
        .with_internal(error.to_string())
        .into()
}
