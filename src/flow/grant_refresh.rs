//! The refresh token grant (RFC 6749 6, RFC 9700 4.14), idempotent until acknowledged (`security.md` 5.3).

use std::time::Duration;

use crate::audit::EventKind;
use crate::base::{FamilyId, Secret, TokenHash, UnixTime};
use crate::jose::Thumbprint;
use crate::oauth::{
    Client, ErrorCode, FamilyVerdict, OAuthError, RefreshToken, ScopeSet, TokenResponse, judge_refresh,
    narrowed_scope,
};
use crate::ports::{
    Cutoff, CutoffScope, Grant, KeepPlan, RefusedBy, RotateOutcome, RotatePlan, StoredFamily, ThrottleRule,
};

use super::grant_code::invalid_grant;
use super::issue::{Mint, Refreshable};
use super::{FlowError, Provider, Subject};

/// Repeated answers to one lost rotation.
const REPEATS: ThrottleRule =
    ThrottleRule { name: "refresh_repeats", limit: 10, window: Duration::from_mins(1) };

/// A refresh token as presented.
pub(super) struct Presented {
    /// The token.
    pub(super) refresh_token: Secret,
    /// `scope`, to narrow.
    pub(super) scope: Option<ScopeSet>,
    /// Key proved by DPoP.
    pub(super) jkt: Option<Thumbprint>,
}

impl Provider {
    /// Answers a refresh token of `client`.
    pub(super) async fn refresh(
        &self,
        client: &Client,
        presented: Presented,
        now: UnixTime,
    ) -> Result<TokenResponse, FlowError> {
        let (id, hash) = RefreshToken::parse(presented.refresh_token.expose()).ok_or_else(invalid_grant)?;
        // Twice: a rotation that was overtaken finds its token to be the previous one.
        for _ in 0..2 {
            let stored = self.ports.grants.family(id).await?;
            let Some(stored) = stored.filter(|stored| stored.grant.client == client.client_id) else {
                return self.refuse_refresh(client, "family_unknown", now).await;
            };
            let rotates = client.rotates_refresh();
            let verdict = judge_refresh(&stored.family, &hash, presented.jkt, rotates, now);
            let answer = match verdict {
                FamilyVerdict::Rotate => self.rotate(client, &stored, &presented, hash, now).await?,
                FamilyVerdict::Keep => self.keep(client, &stored, &presented, now).await.map(Some)?,
                FamilyVerdict::Repeat => self.repeat(client, &stored, &presented, now).await?,
                FamilyVerdict::Reuse => return self.end_reused(client, &stored, now).await,
                FamilyVerdict::WrongKey => return self.refuse_refresh(client, "wrong_key", now).await,
                FamilyVerdict::Dead => return self.refuse_refresh(client, "family_dead", now).await,
                FamilyVerdict::Expired => return self.refuse_refresh(client, "expired", now).await,
                FamilyVerdict::Unknown => return self.refuse_refresh(client, "token_unknown", now).await,
            };
            if let Some(answer) = answer {
                return Ok(answer);
            }
        }
        Err(FlowError::protocol(ErrorCode::TemporarilyUnavailable, "another refresh is under way; try again"))
    }

    async fn rotate(
        &self,
        client: &Client,
        stored: &StoredFamily,
        presented: &Presented,
        hash: TokenHash,
        now: UnixTime,
    ) -> Result<Option<TokenResponse>, FlowError> {
        let id = stored.family.id;
        let next = RefreshToken::new(id, &*self.ports.entropy);
        let sealed = self.seal_refresh(id, next.expose());
        let token = next.hash();
        let mint = self.prepare_refresh(client, stored, presented, now).await?;
        let ends = self.idle_end(stored, now);
        let plan = RotatePlan {
            family: id,
            grant: stored.grant.clone(),
            generation: stored.family.generation,
            presented: hash,
            next: (token, sealed),
            idle_expiry: ends,
            record: mint.record.clone(),
        };
        let granted = Self::audited(self.succeeded(EventKind::TokensRefreshed, "refreshed", now), &mint);
        let refused = Self::audited(self.refused(EventKind::TokensRefreshed, "refused", now), &mint);
        let token = next.into_secret();
        match self.ports.issuance.rotate(&plan, &granted, &refused).await? {
            RotateOutcome::Rotated => {
                let refreshable = Some(Refreshable { token, ends });
                let answer =
                    self.sign_and_answer(client, mint, refreshable, (EventKind::TokensRefreshed, now));
                answer.await.map(Some)
            }
            RotateOutcome::Overtaken => Ok(None),
            RotateOutcome::Refused(_) => Err(invalid_grant()),
        }
    }

    /// The light form of the gate (design decision 5): the standing of client, phone and session is what this replica
    /// knows of their cut-offs, and the commit is shared with others.
    async fn keep(
        &self,
        client: &Client,
        stored: &StoredFamily,
        presented: &Presented,
        now: UnixTime,
    ) -> Result<TokenResponse, FlowError> {
        let mint = self.prepare_refresh(client, stored, presented, now).await?;
        if !mint.stands {
            let reason = RefusedBy::Person.as_str();
            return Err(self.refusal((client, Some(&stored.grant)), reason, refused_grant(), now).await?);
        }
        let ends = self.idle_end(stored, now);
        let plan = KeepPlan {
            family: stored.family.id,
            grant: mint.grant.id,
            person: mint.grant.person,
            client: mint.grant.client.clone(),
            sid: mint.grant.sid,
            idle_expiry: ends,
            record: mint.record.clone(),
        };
        let granted = Self::audited(self.succeeded(EventKind::TokensRefreshed, "refreshed", now), &mint);
        let mut refused = Self::audited(self.refused(EventKind::TokensRefreshed, "refused", now), &mint);
        refused.reason = RefusedBy::Grant.as_str();
        if !self.ports.issuance.keep(plan, &granted, refused).await? {
            return Err(invalid_grant());
        }
        let token = presented.refresh_token.clone();
        let refreshable = Some(Refreshable { token, ends });
        self.sign_and_answer(client, mint, refreshable, (EventKind::TokensRefreshed, now)).await
    }

    /// When the family ends unless it is used again.
    fn idle_end(&self, stored: &StoredFamily, now: UnixTime) -> UnixTime {
        now.plus(self.policy.lifetimes.refresh_idle).min(stored.family.absolute_expiry)
    }

    /// The previous token again: the same current one, with fresh access and ID tokens.
    async fn repeat(
        &self,
        client: &Client,
        stored: &StoredFamily,
        presented: &Presented,
        now: UnixTime,
    ) -> Result<Option<TokenResponse>, FlowError> {
        let id: FamilyId = stored.family.id;
        if !self.ports.throttle.hit(REPEATS, id.uuid().as_bytes(), now).await? {
            let event = self
                .refused(EventKind::TokensRefreshed, "repeated_too_often", now)
                .with_client(client.client_id.clone())
                .with_person(stored.grant.person)
                .with_on_behalf_of(stored.grant.on_behalf_of.map(|behalf| behalf.person));
            self.ports.audit.append(&event).await?;
            return Err(FlowError::protocol(
                ErrorCode::SlowDown,
                "this refresh token was repeated too often",
            ));
        }
        let mint = self.prepare_refresh(client, stored, presented, now).await?;
        let granted = Self::audited(self.succeeded(EventKind::TokensRefreshed, "repeated", now), &mint);
        let refused = Self::audited(self.refused(EventKind::TokensRefreshed, "refused", now), &mint);
        let issuance = &self.ports.issuance;
        match issuance.repeat(&stored.grant, Some(id), &mint.record, &granted, &refused).await? {
            RotateOutcome::Rotated | RotateOutcome::Overtaken => {
                let token = self.open_refresh(id, &stored.current_sealed).await?;
                let refreshable = Some(Refreshable { token, ends: stored.family.idle_expiry });
                let answer =
                    self.sign_and_answer(client, mint, refreshable, (EventKind::TokensRefreshed, now));
                answer.await.map(Some)
            }
            RotateOutcome::Refused(_) => Err(invalid_grant()),
        }
    }

    async fn prepare_refresh(
        &self,
        client: &Client,
        stored: &StoredFamily,
        presented: &Presented,
        now: UnixTime,
    ) -> Result<Mint, FlowError> {
        let subject = Subject {
            client: Some(&client.client_id),
            person: Some(stored.grant.person),
            on_behalf_of: stored.grant.on_behalf_of,
            device: stored.grant.proof.device,
            sid: Some(stored.grant.sid),
            grant: Some(stored.grant.id),
            kid: None,
        };
        let verdict =
            self.cutoffs.check(&*self.ports.revocation, subject, stored.grant.proof.auth_time, now).await?;
        if let Err(by) = verdict {
            return Err(self
                .refusal((client, Some(&stored.grant)), by.as_str(), refused_grant(), now)
                .await?);
        }
        let mut grant = stored.grant.clone();
        grant.scope = match narrowed_scope(&grant.scope, presented.scope.as_ref()) {
            Ok(scope) => scope,
            Err(error) => {
                return Err(self
                    .refusal((client, Some(&stored.grant)), "scope_exceeded", error, now)
                    .await?);
            }
        };
        let mut mint = self.prepare(client, grant, presented.jkt, now).await?;
        mint.family = Some(stored.family.id);
        Ok(mint)
    }

    async fn end_reused(
        &self,
        client: &Client,
        stored: &StoredFamily,
        now: UnixTime,
    ) -> Result<TokenResponse, FlowError> {
        let event = self
            .refused(EventKind::TokenReplay, "refresh_token_reused", now)
            .with_client(client.client_id.clone())
            .with_person(stored.grant.person)
            .with_on_behalf_of(stored.grant.on_behalf_of.map(|behalf| behalf.person));
        self.ports.issuance.end_family(stored.family.id, &event).await?;
        self.cutoffs.note(&Cutoff { scope: CutoffScope::Grant(stored.grant.id), at: now });
        Err(invalid_grant())
    }

    async fn refuse_refresh(
        &self,
        client: &Client,
        reason: &'static str,
        now: UnixTime,
    ) -> Result<TokenResponse, FlowError> {
        Err(self.refusal((client, None), reason, refused_grant(), now).await?)
    }

    /// `error`, with its row, which names whom the grant is about.
    async fn refusal(
        &self,
        (client, grant): (&Client, Option<&Grant>),
        reason: &'static str,
        error: OAuthError,
        now: UnixTime,
    ) -> Result<FlowError, FlowError> {
        let mut event = self.refused(EventKind::TokensRefreshed, reason, now);
        if let Some(grant) = grant {
            let represented = grant.on_behalf_of.map(|behalf| behalf.person);
            event = event.with_person(grant.person).with_on_behalf_of(represented);
        }
        self.ports.audit.append(&event.with_client(client.client_id.clone())).await?;
        Ok(error.with_internal(reason).into())
    }
}

fn refused_grant() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, "the refresh token is invalid, expired or revoked")
}
