//! The one gate of issue (design decision 5): commit, then sign with the planned key, then keep the access-token
//! record, then answer. A planned key that was replaced since the commit is planned again, once; any other failure after
//! the commit is 503 and gives nothing.

use serde_json::{Map, Value};

use crate::audit::{AuditEvent, EventKind};
use crate::base::{EntropyExt, FamilyId, Secret, UnixTime, base64url};
use crate::identity::{Acr, Person, PersonStatus, hub_refusal};
use crate::jose::{Algorithm, EncryptionKey, SealContext, Thumbprint};
use crate::oauth::{Client, RefreshToken, TokenResponse};
use crate::oidc::pairwise_subject;
use crate::ports::{
    Cutoff, CutoffScope, Fence, Grant, IssuanceRecord, IssueOutcome, IssuePlan, NewFamily, PortError,
    SEALED_REFRESH,
};

use super::grant_code::invalid_grant;
use super::hub::minimum_acr;
use super::{FlowError, Provider};

/// A single-use artefact to redeem.
pub(super) struct Redemption {
    /// What is used up.
    pub(super) fence: Fence,
    /// The grant to write.
    pub(super) grant: Grant,
    /// End of the session.
    pub(super) session_end: UnixTime,
    /// Key proved by DPoP.
    pub(super) jkt: Option<Thumbprint>,
    /// When what it relies on was agreed to.
    pub(super) agreed: UnixTime,
}

/// What the tokens of one answer say, decided before the commit.
pub(super) struct Mint {
    /// The grant.
    pub(super) grant: Grant,
    /// The family, when there is one.
    pub(super) family: Option<FamilyId>,
    /// Key proved by DPoP.
    pub(super) jkt: Option<Thumbprint>,
    /// `nonce` of the ID token: only the first one carries it.
    pub(super) nonce: Option<String>,
    /// Level reached, recomputed now.
    pub(super) acr: Acr,
    /// Whether who authenticated is in good standing, as just read; a transaction reads it again.
    pub(super) stands: bool,
    /// Subject the client knows.
    pub(super) subject: String,
    /// Claims that say who acts for the subject.
    pub(super) acting: Map<String, Value>,
    /// Claims about the subject that the ID token says (OpenID Connect Core 5.5), with those of who acts.
    pub(super) extra: Map<String, Value>,
    /// What the client is told of the person at the `UserInfo` endpoint, when it holds for the token's whole life.
    pub(super) told: Option<Map<String, Value>>,
    /// Key that signs the access token.
    pub(super) access_kid: String,
    /// Key that signs the ID token.
    pub(super) id_kid: String,
    /// To what the ID token is encrypted.
    pub(super) id_token_key: Option<EncryptionKey>,
    /// `jti` of the access token.
    pub(super) jti: String,
    /// The same as a durable record.
    pub(super) record: IssuanceRecord,
}

/// A refresh token with the end of its idleness.
pub(super) struct Refreshable {
    /// The token.
    pub(super) token: Secret,
    /// End.
    pub(super) ends: UnixTime,
}

impl Provider {
    /// Redeems, commits and signs.
    pub(super) async fn issue(
        &self,
        client: &Client,
        redemption: Redemption,
        now: UnixTime,
    ) -> Result<TokenResponse, FlowError> {
        let Redemption { fence, grant, session_end, jkt, agreed } = redemption;
        let mut mint = self.prepare(client, grant, jkt, now).await?;
        let refreshable = self.first_refresh_token(client, &mint, session_end, now);
        mint.nonce = mint.grant.nonce.clone();
        let granted = Self::audited(self.succeeded(EventKind::TokensIssued, "code", now), &mint);
        let refused = Self::audited(self.refused(EventKind::TokensIssued, "refused", now), &mint);
        let (family, token) = refreshable.map_or((None, None), |(family, token)| (Some(family), Some(token)));
        mint.family = family.as_ref().map(|family| family.id);
        let (grant, record) = (mint.grant.clone(), mint.record.clone());
        let plan = IssuePlan { fence, grant, family, record, agreed };
        match self.ports.issuance.issue(&plan, &granted, &refused).await? {
            IssueOutcome::Issued => {
                self.sign_and_answer(client, mint, token, (EventKind::TokensIssued, now)).await
            }
            IssueOutcome::IssuedAndEnded => {
                self.cutoffs.note(&Cutoff { scope: CutoffScope::Grant(mint.grant.id), at: now });
                self.sign_and_answer(client, mint, token, (EventKind::TokensIssued, now)).await
            }
            IssueOutcome::Replayed(first) => {
                let event = self.refused(EventKind::CodeReplay, "code_replayed", now);
                let event = event.with_client(client.client_id.clone());
                let issuance = &self.ports.issuance;
                issuance.replayed(fence.kind, &fence.hash, &client.client_id, &event).await?;
                self.cutoffs.note(&Cutoff { scope: CutoffScope::Grant(first), at: now });
                Err(invalid_grant())
            }
            IssueOutcome::Refused(_) => Err(invalid_grant()),
        }
    }

    /// Decides what the tokens will say. Nothing is written.
    pub(super) async fn prepare(
        &self,
        client: &Client,
        grant: Grant,
        jkt: Option<Thumbprint>,
        now: UnixTime,
    ) -> Result<Mint, FlowError> {
        // So has whom the person may act for.
        let parties = self.parties_of(client, &grant, now).await?;
        // Each term of the level may have fallen since the login: it is computed again at each issue.
        let acr = grant.proof.terms.acr(&self.policy.assurance).ok_or_else(invalid_grant)?;
        if minimum_acr(client).is_some_and(|minimum| acr < minimum || hub_refusal(parties.about()).is_some())
        {
            return Err(invalid_grant());
        }
        let id_token_key = self.id_token_key(client).await?;
        let access_kid = self.planned_kid(Algorithm::Es256.as_str()).await?;
        let id_kid = self.planned_kid(client.id_token_alg.as_str()).await?;
        let jti = self.fresh_jti();
        let record = IssuanceRecord {
            jti: jti.clone(),
            kid: access_kid.clone(),
            at: now,
            // Token and family end with the session, which began earlier.
            kept_until: now.plus(self.policy.lifetimes.session),
        };
        let subject = self.subject_for(client, parties.about());
        let acting = self.acting_claims(client, &parties);
        let said = (&parties, grant.proof.auth_mode);
        let mut extra = self.id_token_claims(client, said, &grant.claims.id_token);
        extra.extend(acting.clone());
        let told = self.told_for_its_life(client, &parties, &grant);
        Ok(Mint {
            grant,
            family: None,
            jkt,
            nonce: None,
            acr,
            stands: parties.actor.status == PersonStatus::Active,
            subject,
            acting,
            extra,
            told,
            access_kid,
            id_kid,
            id_token_key,
            jti,
            record,
        })
    }

    /// Names an access token (RFC 7519 4.1.7).
    pub(super) fn fresh_jti(&self) -> String {
        base64url(self.ports.entropy.bytes::<16>())
    }

    /// The subject a client knows a person by (OpenID Connect Core 8.1).
    pub(super) fn subject_for(&self, client: &Client, person: &Person) -> String {
        pairwise_subject(self.keyring.symmetric().pairwise(), &client.sector, &person.subject_seed)
    }

    /// The first refresh token, when the client gets one: a public client must have proved a key (RFC 9449 5).
    fn first_refresh_token(
        &self,
        client: &Client,
        mint: &Mint,
        session_end: UnixTime,
        now: UnixTime,
    ) -> Option<(NewFamily, Refreshable)> {
        if !client.wants_refresh(&mint.grant.scope) || (client.is_public() && mint.jkt.is_none()) {
            return None;
        }
        let id = FamilyId::random(&*self.ports.entropy);
        let token = RefreshToken::new(id, &*self.ports.entropy);
        let ends = now.plus(self.policy.lifetimes.refresh_idle).min(session_end);
        let family = NewFamily {
            id,
            current: token.hash(),
            current_sealed: self.seal_refresh(id, token.expose()),
            jkt: if client.is_public() { mint.jkt } else { None },
            absolute_expiry: session_end,
            idle_expiry: ends,
        };
        Some((family, Refreshable { token: token.into_secret(), ends }))
    }

    pub(super) fn seal_refresh(&self, family: FamilyId, token: &str) -> Vec<u8> {
        self.storage.seal(&*self.ports.entropy, &refresh_context(family.uuid().as_bytes()), token.as_bytes())
    }

    pub(super) async fn open_refresh(&self, family: FamilyId, sealed: &[u8]) -> Result<Secret, PortError> {
        let corrupt = || PortError::Corrupt(String::from("refresh token seal"));
        let name = family.uuid();
        let opened =
            self.storage.open(&refresh_context(name.as_bytes()), sealed).await.map_err(|_| corrupt())?;
        Ok(Secret::new(String::from_utf8(opened).map_err(|_| corrupt())?))
    }

    /// An event with who and what the mint is about.
    pub(super) fn audited(event: AuditEvent, mint: &Mint) -> AuditEvent {
        let event = event
            .with_client(mint.grant.client.clone())
            .with_person(mint.grant.person)
            .with_on_behalf_of(mint.grant.on_behalf_of.map(|behalf| behalf.person))
            .with_transaction(mint.grant.id.to_string())
            .with_acr(mint.acr.as_str());
        match mint.grant.proof.device {
            Some(device) => event.with_device(device),
            None => event,
        }
    }
}

const fn refresh_context(family: &[u8; 16]) -> SealContext<'_> {
    SealContext { kind: SEALED_REFRESH, name: family, clear: &[] }
}
