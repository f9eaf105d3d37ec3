//! Token revocation (RFC 7009).
//!
//! Steps: (1) parse, (2) authenticate the client, (3) find the token by its form, whatever the hint says, (4) end it
//! if it is the client's. A refresh token ends its grant with every access token of it, durably; an access token
//! alone ends by its record, which is what our endpoints believe, after the audit row is committed. A store that
//! fails is an error, never a success (2.2.1).

use crate::audit::{AuditEvent, EventKind};
use crate::base::{FamilyId, TokenHash, UnixTime};
use crate::oauth::{Client, RawParams, RefreshToken, revocation_request};
use crate::ports::{Cutoff, CutoffScope};

use super::{FlowError, Origin, PresentedCredentials, Provider};

impl Provider {
    /// `POST /revoke`. A token that is unknown, dead or another client's is answered like one that was revoked: the
    /// caller learns nothing about it.
    pub async fn revoke_token(
        &self,
        credentials: PresentedCredentials,
        params: &RawParams,
        origin: &Origin,
    ) -> Result<(), FlowError> {
        let now = self.now();
        let request = revocation_request(params)?;
        let client = self.authenticate_client(credentials, origin, now).await?.into_client();
        let token = request.token.expose();
        match RefreshToken::parse(token) {
            Some((family, hash)) => self.revoke_refresh_token(&client, family, &hash, now).await,
            None => self.revoke_access_token(&client, &TokenHash::of(token), now).await,
        }
    }

    async fn revoke_refresh_token(
        &self,
        client: &Client,
        id: FamilyId,
        hash: &TokenHash,
        now: UnixTime,
    ) -> Result<(), FlowError> {
        let Some(stored) = self.ports.grants.family(id).await? else { return Ok(()) };
        let family = &stored.family;
        // The family's name alone, which every token of it shows, ends nothing.
        let known = family.current.matches(hash) || family.previous.is_some_and(|last| last.matches(hash));
        if !known {
            return Ok(());
        }
        // RFC 7009 2.1
        if stored.grant.client != client.client_id {
            return self.refuse_foreign(client, now).await;
        }
        let cutoff = Cutoff { scope: CutoffScope::Grant(stored.grant.id), at: now };
        let event = self.revoked_event("refresh_token", client, now).with_person(stored.grant.person);
        let event = event.with_on_behalf_of(stored.grant.on_behalf_of.map(|behalf| behalf.person));
        let event = event.with_transaction(stored.grant.id.to_string());
        self.ports.revocation.revoke(&cutoff, &event).await?;
        self.cutoffs.note(&cutoff);
        Ok(())
    }

    async fn revoke_access_token(
        &self,
        client: &Client,
        hash: &TokenHash,
        now: UnixTime,
    ) -> Result<(), FlowError> {
        let Some(record) = self.ports.access_tokens.load(hash, now).await? else { return Ok(()) };
        if record.client != client.client_id {
            return self.refuse_foreign(client, now).await;
        }
        let event = self.revoked_event("access_token", client, now).with_transaction(record.jti);
        let event = match record.person {
            Some(person) => event.with_person(person),
            None => event,
        };
        let event = event.with_on_behalf_of(record.on_behalf_of.map(|behalf| behalf.person));
        self.ports.audit.append(&event).await?;
        Ok(self.ports.access_tokens.remove(hash).await?)
    }

    fn revoked_event(&self, reason: &'static str, client: &Client, now: UnixTime) -> AuditEvent {
        self.succeeded(EventKind::TokensRevoked, reason, now).with_client(client.client_id.clone())
    }

    async fn refuse_foreign(&self, client: &Client, now: UnixTime) -> Result<(), FlowError> {
        let event = self.refused(EventKind::TokensRevoked, "token_of_another_client", now);
        Ok(self.ports.audit.append(&event.with_client(client.client_id.clone())).await?)
    }
}
