//! The userinfo endpoint (OpenID Connect Core 5.3). The access-token record is believed, never the signature.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::audit::EventKind;
use crate::base::{TokenHash, UnixTime};
use crate::identity::{PersonStatus, hub_refusal};
use crate::oauth::{Client, ErrorCode, OAuthError, PresentedToken, Profile, Scheme};
use crate::ports::{AccessTokenRecord, PortError, PortResult};

use super::hub::as_told;
use super::{FlowError, PresentedProof, Provider, Subject, UserinfoAnswer};

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
    ) -> Result<UserinfoAnswer, UserinfoError> {
        let now = self.now();
        self.claims_of(token, proof, now).await.map_err(|error| UserinfoError { error, scheme: token.scheme })
    }

    async fn claims_of(
        &self,
        token: &PresentedToken,
        proof: &PresentedProof,
        now: UnixTime,
    ) -> Result<UserinfoAnswer, FlowError> {
        let record = self.active_token(token, proof, now).await?;
        if !record.scope.contains("openid") {
            return Err(FlowError::protocol(ErrorCode::InsufficientScope, "the token has no openid scope"));
        }
        if record.person.is_none() {
            return Err(invalid_token("token_of_a_client"));
        }
        let Some(client) = self.registered_client(&record.client).await?.filter(|client| client.enabled)
        else {
            return Err(invalid_token("client_disabled"));
        };
        let answer = match &record.told {
            Some(told) if client.responses.userinfo_signed_response_alg.is_none() => {
                UserinfoAnswer::Claims(with_subject(&record.subject, told)?)
            }
            told => {
                let mut claims = match told {
                    Some(told) => as_read(told)?,
                    None => self.claims_now(&client, &record, now).await?,
                };
                claims.insert(String::from("sub"), Value::String(record.subject.clone()));
                self.protected_userinfo(&client, claims).await?
            }
        };
        if client.profile.single_use_access_token() {
            let first_use = self.ports.access_tokens.take(&TokenHash::of(token.token.expose()), now).await?;
            first_use.ok_or_else(|| invalid_token("used"))?;
        }
        Ok(answer)
    }

    /// What is decided anew at each use of a token.
    async fn claims_now(
        &self,
        client: &Client,
        record: &AccessTokenRecord,
        now: UnixTime,
    ) -> Result<Map<String, Value>, FlowError> {
        let person = match record.person {
            Some(person) => self.ports.persons.find(person).await?,
            None => None,
        };
        let person = person.filter(|person| person.status == PersonStatus::Active);
        let Some(person) = person else { return Err(invalid_token("person_inactive")) };
        let person = as_told(client, person);
        // The address, or the identity, may have changed since the code.
        if client.profile == Profile::FranceConnect && hub_refusal(&person).is_some() {
            return Err(invalid_token("hub_refuses_person"));
        }
        let auth_mode = record.auth_mode.ok_or_else(|| invalid_token("token_of_a_client"))?;
        let parties = match self.parties(client, (person, record.on_behalf_of.as_ref()), now).await? {
            Ok(parties) => parties,
            Err(reason) => return Err(self.refuse_acting(record, reason, now).await?),
        };
        let mut claims =
            self.userinfo_claims(client, (&parties, auth_mode), &record.scope, &record.claims.userinfo);
        claims.extend(self.acting_claims(client, &parties));
        Ok(claims)
    }

    /// A token on behalf of somebody for whom its person may not act any more.
    async fn refuse_acting(
        &self,
        record: &AccessTokenRecord,
        reason: &'static str,
        now: UnixTime,
    ) -> PortResult<FlowError> {
        let mut event = self.refused(EventKind::Representation, reason, now);
        event.person = record.person;
        let event = event
            .with_on_behalf_of(record.on_behalf_of.map(|behalf| behalf.person))
            .with_client(record.client.clone())
            .with_transaction(record.jti.clone());
        self.ports.audit.append(&event).await?;
        Ok(invalid_token(reason))
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
            on_behalf_of: record.on_behalf_of,
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

/// Claims as an access-token record keeps them, without `sub`, which the answer says itself. None: they are decided anew.
pub(super) fn as_written(claims: &Map<String, Value>) -> Option<Box<RawValue>> {
    to_raw_value(claims).ok().filter(|_| !claims.contains_key("sub"))
}

fn as_read(told: &RawValue) -> PortResult<Map<String, Value>> {
    serde_json::from_str(told.get()).map_err(|_| no_object())
}

/// OpenID Connect Core 5.3.2: the claims, and always `sub`. Not read and written again: they are most of the answer.
fn with_subject(subject: &str, told: &RawValue) -> PortResult<String> {
    let members = told.get().strip_suffix('}').ok_or_else(no_object)?;
    let comma = if members.trim_end().ends_with('{') { "" } else { "," };
    Ok(format!("{members}{comma}\"sub\":{}}}", Value::from(subject)))
}

fn no_object() -> PortError {
    PortError::Corrupt(String::from("what is told of a person is no object"))
}

fn invalid_token(internal: &'static str) -> FlowError {
    OAuthError::new(ErrorCode::InvalidToken, "the access token is invalid or expired")
        .with_internal(internal)
        .into()
}
