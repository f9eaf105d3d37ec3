//! The token request (RFC 6749 4.1.3, 5.1, 5.2; RFC 7636 4.5; `OpenID Connect Core` 9, 3.1.3.3).

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::connection::Connection;
use super::discovery::Metadata;
use super::fetch::{JSON, text};
use crate::base::{EntropyExt as _, Secret};
use crate::federation::{AssertionAudience, UpstreamAuth};
use crate::jose::{Algorithm, compact, signing_input};
use crate::keyring::{Purpose, signer};
use crate::ports::{PortError, UpstreamCallback, UpstreamError, UpstreamOutage, UpstreamRefusal};

/// Life of an assertion of ours.
const ASSERTION: Duration = Duration::from_mins(1);

/// What a code was worth.
pub(super) struct Tokens {
    pub(super) access_token: Secret,
    /// As it came: signed, or encrypted.
    pub(super) id_token: Secret,
}

impl Connection {
    pub(super) async fn exchange(
        &self,
        callback: &UpstreamCallback,
        metadata: &Metadata,
    ) -> Result<Tokens, UpstreamError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", callback.code.expose()),
            ("redirect_uri", &callback.redirect_uri),
            ("code_verifier", callback.code_verifier.expose()),
            ("client_id", &self.provider.client_id),
        ];
        let assertion;
        match &self.provider.auth {
            UpstreamAuth::ClientSecretPost(secret) => form.push(("client_secret", secret.expose())),
            UpstreamAuth::PrivateKeyJwt(audience) => {
                assertion = self.assertion(*audience, metadata).await.map_err(own_keys)?;
                form.push(("client_assertion_type", JWT_BEARER));
                form.push(("client_assertion", assertion.expose()));
            }
        }
        let reply = self.heard(self.http.post(&metadata.token, &form).await)?;
        if reply.status.is_client_error()
            && let Some(error) = reply.object()
        {
            return Err(refusal(&error).into());
        }
        reply.body_of(&[JSON])?;
        let answer = reply.object().ok_or(UpstreamRefusal::TokenAnswer)?;
        Ok(read(&answer)?)
    }

    /// RFC 7523 3: who we are, signed with the key that `/jwks` shows as ours.
    async fn assertion(&self, audience: AssertionAudience, metadata: &Metadata) -> Result<Secret, PortError> {
        let algorithm = Algorithm::Es256;
        let records = self.own.keys.list().await?;
        let key = signer(&records, Purpose::Sign, algorithm.as_str()).ok_or(PortError::Conflict)?;
        let now = self.now();
        let client = &self.provider.client_id;
        let audience = match audience {
            AssertionAudience::Issuer => self.provider.issuer.as_str(),
            AssertionAudience::TokenEndpoint => metadata.token.as_str(),
        };
        let header = json!({ "alg": algorithm.as_str(), "typ": "JWT", "kid": key.kid });
        let claims = json!({
            "iss": client,
            "sub": client,
            "aud": audience,
            "jti": self.own.entropy.token().expose(),
            "iat": now.secs(),
            "exp": now.plus(ASSERTION).secs(),
        });
        let input = signing_input(&header, &claims);
        let signature = self.own.signer.sign(&key.kid, input.as_bytes()).await?;
        Ok(Secret::new(compact(input, &signature)))
    }
}

/// Which words a failure of our own stores becomes; the failure itself is logged once, here.
pub(super) fn own_keys(error: impl std::fmt::Display) -> UpstreamError {
    tracing::error!(reason = %error, "our own keys cannot be used");
    UpstreamOutage::OwnKeys.into()
}

/// RFC 6749 5.2
fn refusal(error: &Map<String, Value>) -> UpstreamRefusal {
    match text(error, "error") {
        Some("invalid_grant") => UpstreamRefusal::CodeRefused,
        Some("invalid_client" | "unauthorized_client") => UpstreamRefusal::ClientRefused,
        _ => UpstreamRefusal::TokenError,
    }
}

fn read(answer: &Map<String, Value>) -> Result<Tokens, UpstreamRefusal> {
    let access_token = text(answer, "access_token").filter(|token| is_token(token));
    let access_token = access_token.ok_or(UpstreamRefusal::TokenAnswer)?;
    // RFC 6749 7.1: without case.
    if !text(answer, "token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer")) {
        return Err(UpstreamRefusal::TokenType);
    }
    let id_token = text(answer, "id_token").ok_or(UpstreamRefusal::NoIdToken)?;
    Ok(Tokens {
        access_token: Secret::new(access_token.to_owned()),
        id_token: Secret::new(id_token.to_owned()),
    })
}

/// RFC 6750 2.1: it becomes part of a header.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// RFC 7523 2.2
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
