//! The userinfo endpoint (OpenID Connect Core 5.3). The access-token record is believed, never the signature.

use serde_json::{Map, Value};

use crate::base::{TokenHash, UnixTime};
use crate::identity::PersonStatus;
use crate::oauth::{ErrorCode, OAuthError, PresentedToken, Scheme};
use crate::ports::AccessTokenRecord;

use super::{FlowError, PresentedProof, Provider, Subject};

/// A refusal, with the scheme in which the challenge is written.
#[derive(Debug)]
pub struct UserinfoError {
    /// The error.
    pub error: FlowError,
    /// The scheme the token was presented in.
    pub scheme: Scheme,
}

impl Provider {
    /// `GET|POST /userinfo`.
    pub async fn userinfo(
        &self,
        token: &PresentedToken,
        proof: &PresentedProof,
    ) -> Result<Map<String, Value>, UserinfoError> {
        let now = self.now();
        self.claims_of(token, proof, now).await.map_err(|error| UserinfoError { error, scheme: token.scheme })
    }

    async fn claims_of(
        &self,
        token: &PresentedToken,
        proof: &PresentedProof,
        now: UnixTime,
    ) -> Result<Map<String, Value>, FlowError> {
        let record = self.active_token(token, proof, now).await?;
        if !record.scope.contains("openid") {
            return Err(FlowError::protocol(ErrorCode::InsufficientScope, "the token has no openid scope"));
        }
        let Some(person) = record.person else { return Err(invalid_token("token_of_a_client")) };
        let person = self.ports.persons.find(person).await?;
        let person = person.filter(|person| person.status == PersonStatus::Active);
        let Some(person) = person else { return Err(invalid_token("person_inactive")) };
        let Some(client) = self.ports.clients.find(&record.client).await?.filter(|client| client.enabled)
        else {
            return Err(invalid_token("client_disabled"));
        };
        let auth_mode = record.auth_mode.ok_or_else(|| invalid_token("token_of_a_client"))?;
        let mut claims =
            self.userinfo_claims(&client, (&person, auth_mode), &record.scope, &record.claims.userinfo);
        claims.insert(String::from("sub"), Value::String(record.subject));
        Ok(claims)
    }

    /// The record behind a presented token, when it is active, presented in its own scheme and by its own key.
    pub(crate) async fn active_token(
        &self,
        token: &PresentedToken,
        proof: &PresentedProof,
        now: UnixTime,
    ) -> Result<AccessTokenRecord, FlowError> {
        let record = self.ports.access_tokens.load(&TokenHash::of(token.token.expose()), now).await?;
        let Some(record) = record else { return Err(invalid_token("no_record")) };
        let subject = Subject {
            client: Some(&record.client),
            person: record.person,
            device: record.device,
            sid: record.sid,
            grant: record.grant,
            kid: Some(&record.kid),
        };
        if let Err(by) = self.cutoffs.check(&*self.ports.revocation, subject, record.issued_at, now).await? {
            return Err(invalid_token(by.as_str()));
        }
        match (record.jkt, token.scheme) {
            (None, Scheme::Bearer) => Ok(record),
            (Some(jkt), Scheme::Dpop) => {
                self.check_nonce(proof, now).await?;
                let shown = self.accept_proof(proof, Some(&token.token), now).await?;
                // RFC 9449 7.1
                if shown.jkt == jkt { Ok(record) } else { Err(invalid_token("another_key")) }
            }
            // RFC 9449 7.2: a bound token is not a bearer token.
            (Some(_), Scheme::Bearer) | (None, Scheme::Dpop) => Err(invalid_token("wrong_scheme")),
        }
    }
}

fn invalid_token(internal: &'static str) -> FlowError {
    OAuthError::new(ErrorCode::InvalidToken, "the access token is invalid or expired")
        .with_internal(internal)
        .into()
}
