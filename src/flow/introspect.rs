//! Token introspection (RFC 7662).
//!
//! Steps: (1) parse, (2) authenticate the caller, (3) find the token by its form, (4) judge whose it is, (5) judge
//! whether all it depends on still stands. Everything that is not active has one answer; nothing is written.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::audit::EventKind;
use crate::base::{FamilyId, TokenHash, UnixTime};
use crate::device::DeviceStatus;
use crate::identity::{AuthMode, PersonStatus};
use crate::oauth::{
    ActiveKind, ActiveToken, Client, ErrorCode, FamilyVerdict, OAuthError, PersonalClaims, RawParams,
    RefreshToken, ScopeSet, TokenType, introspection_request, judge_refresh,
};
use crate::oidc::ClaimsRequest;
use crate::ports::PortError;

use super::parties::Parties;
use super::{FlowError, Origin, PresentedCredentials, Provider, Subject};

/// What a token still stands on.
struct Footing {
    client: Arc<Client>,
    parties: Option<Parties>,
}

impl Provider {
    /// `POST /introspect`: the token, when it is active and the caller may know.
    pub async fn introspect(
        &self,
        credentials: PresentedCredentials,
        params: &RawParams,
        origin: &Origin,
    ) -> Result<Option<ActiveToken>, FlowError> {
        let now = self.now();
        let request = introspection_request(params)?;
        let caller = self.authenticate_client(credentials, origin, now).await?.into_client();
        // RFC 7662 2.1: who shows no credentials could scan for tokens.
        if caller.is_public() {
            let event = self.refused(EventKind::ClientAuthentication, "public_client", now);
            self.ports.audit.append(&event.with_client(caller.client_id.clone())).await?;
            return Err(OAuthError::new(ErrorCode::InvalidClient, "client authentication failed").into());
        }
        let token = request.token.expose();
        match RefreshToken::parse(token) {
            Some((family, hash)) => self.active_refresh_token(&caller, family, &hash, now).await,
            None => self.active_access_token(&caller, &TokenHash::of(token), now).await,
        }
    }

    async fn active_access_token(
        &self,
        caller: &Client,
        hash: &TokenHash,
        now: UnixTime,
    ) -> Result<Option<ActiveToken>, FlowError> {
        let Some(record) = self.ports.access_tokens.load(hash, now).await? else { return Ok(None) };
        let for_caller = caller.resource_server && record.audience == self.policy.issuer;
        if record.client != caller.client_id && !for_caller {
            return Ok(None);
        }
        let subject = Subject {
            client: Some(&record.client),
            person: record.person,
            on_behalf_of: record.on_behalf_of,
            device: record.device,
            sid: record.sid,
            grant: record.grant,
            kid: Some(&record.kid),
        };
        // A cut-off ends the token of a client, person or phone that is out; acting for another is decided anew.
        let footing = match &record.told {
            None if record.person.is_some() => self.footing(subject, record.issued_at, now).await?,
            _ => self.standing_client(subject, record.issued_at, now).await?,
        };
        let Some(footing) = footing else { return Ok(None) };
        let person = match record.told {
            Some(told) => {
                let told: PersonalClaims = serde_json::from_str(told.get())
                    .map_err(|_| PortError::Corrupt(String::from("what is told of a person is no object")))?;
                told.0
            }
            None => self.told(&footing, record.auth_mode, &record.scope, &record.claims),
        };
        Ok(Some(ActiveToken {
            kind: ActiveKind::Access(if record.jkt.is_some() { TokenType::Dpop } else { TokenType::Bearer }),
            issuer: self.policy.issuer.clone(),
            subject: record.subject,
            client: record.client,
            audience: Some(record.audience),
            scope: record.scope,
            jti: record.jti,
            issued_at: record.issued_at,
            expires_at: record.expires_at,
            auth_time: record.auth_time,
            acr: record.acr,
            sid: record.sid,
            nonce: record.nonce,
            jkt: record.jkt,
            person,
            acting: self.acting(&footing),
        }))
    }

    /// A refresh token is for its own client and for us: no protected resource learns of it.
    async fn active_refresh_token(
        &self,
        caller: &Client,
        id: FamilyId,
        hash: &TokenHash,
        now: UnixTime,
    ) -> Result<Option<ActiveToken>, FlowError> {
        let Some(stored) = self.ports.grants.family(id).await? else { return Ok(None) };
        let (family, grant) = (stored.family, stored.grant);
        if grant.client != caller.client_id {
            return Ok(None);
        }
        let verdict = judge_refresh(&family, hash, family.jkt, caller.rotates_refresh(), now);
        if !matches!(verdict, FamilyVerdict::Rotate | FamilyVerdict::Keep | FamilyVerdict::Repeat) {
            return Ok(None);
        }
        let subject = Subject {
            client: Some(&grant.client),
            person: Some(grant.person),
            on_behalf_of: grant.on_behalf_of,
            device: grant.proof.device,
            sid: Some(grant.sid),
            grant: Some(grant.id),
            kid: None,
        };
        let since = grant.proof.auth_time;
        let Some(footing) = self.footing(subject, since, now).await? else { return Ok(None) };
        // A level that has fallen to nothing refuses the refresh: the token is worth nothing.
        let Some(acr) = grant.proof.terms.acr(&self.policy.assurance) else { return Ok(None) };
        let Some(parties) = &footing.parties else { return Ok(None) };
        let person = self.told(&footing, Some(grant.proof.auth_mode), &grant.scope, &grant.claims);
        Ok(Some(ActiveToken {
            kind: ActiveKind::Refresh,
            issuer: self.policy.issuer.clone(),
            subject: self.subject_for(&footing.client, parties.about()),
            client: grant.client,
            audience: None,
            scope: grant.scope,
            jti: family.id.to_string(),
            issued_at: grant.created,
            expires_at: family.idle_expiry.min(family.absolute_expiry),
            auth_time: Some(since),
            acr: Some(acr.to_string()),
            sid: Some(grant.sid),
            nonce: grant.nonce,
            jkt: family.jkt,
            person,
            acting: self.acting(&footing),
        }))
    }

    /// The client, when it is enabled and no cut-off covers `subject`.
    async fn standing_client(
        &self,
        subject: Subject<'_>,
        since: UnixTime,
        now: UnixTime,
    ) -> Result<Option<Footing>, FlowError> {
        if self.cutoffs.check(&*self.ports.revocation, subject, since, now).await?.is_err() {
            return Ok(None);
        }
        let client = match subject.client {
            Some(id) => self.registered_client(id).await?.filter(|client| client.enabled),
            None => None,
        };
        Ok(client.map(|client| Footing { client, parties: None }))
    }

    /// Client, persons and phone as they are now, none when a cut-off covers the token or one of them is out.
    async fn footing(
        &self,
        subject: Subject<'_>,
        since: UnixTime,
        now: UnixTime,
    ) -> Result<Option<Footing>, FlowError> {
        let Some(footing) = self.standing_client(subject, since, now).await? else { return Ok(None) };
        let client = footing.client;
        if let Some(device) = subject.device {
            let device = self.ports.devices.find(device).await?;
            if device.is_none_or(|device| device.status != DeviceStatus::Active) {
                return Ok(None);
            }
        }
        let Some(person) = subject.person else { return Ok(Some(Footing { client, parties: None })) };
        let person = self.ports.persons.find(person).await?;
        let Some(person) = person.filter(|person| person.status == PersonStatus::Active) else {
            return Ok(None);
        };
        let parties = self.parties(&client, (person, subject.on_behalf_of.as_ref()), now).await?.ok();
        Ok(parties.map(|parties| Footing { client, parties: Some(parties) }))
    }

    /// The members that say who acts for the subject.
    fn acting(&self, footing: &Footing) -> Map<String, Value> {
        footing
            .parties
            .as_ref()
            .map(|parties| self.acting_claims(&footing.client, parties))
            .unwrap_or_default()
    }

    /// The claims about the person that the token's client would get at the `UserInfo` endpoint.
    fn told(
        &self,
        footing: &Footing,
        auth_mode: Option<AuthMode>,
        scope: &ScopeSet,
        claims: &ClaimsRequest,
    ) -> Map<String, Value> {
        let Some(about) = footing.parties.as_ref().zip(auth_mode) else { return Map::new() };
        self.userinfo_claims(&footing.client, about, scope, &claims.userinfo)
    }
}
