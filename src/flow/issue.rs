//! The one gate of issue (design decision 5): commit, then sign with the planned key, then keep the access-token
//! record, then answer. A failure after the commit is 503 and gives nothing.

use serde_json::{Map, Value, json};

use crate::audit::{AuditEvent, EventKind};
use crate::base::{EntropyExt, FamilyId, Secret, TokenHash, UnixTime, base64url};
use crate::identity::{Acr, Person};
use crate::jose::{Algorithm, SealContext, Thumbprint, compact, signing_input};
use crate::oauth::{
    AccessTokenContent, Client, ErrorCode, OAuthError, RefreshToken, TokenResponse, TokenType, access_token_claims,
};
use crate::oidc::{IdTokenContent, at_hash, id_token_claims, pairwise_subject};
use crate::ports::{
    AccessTokenRecord, Cutoff, CutoffScope, Fence, Grant, IssuanceRecord, IssueOutcome, IssuePlan, NewFamily, PortError,
};

use super::grant_code::invalid_grant;
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
    /// Subject the client knows.
    pub(super) subject: String,
    /// Key that signs the access token.
    pub(super) access_kid: String,
    /// Key that signs the ID token.
    pub(super) id_kid: String,
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
        let Redemption { fence, grant, session_end, jkt } = redemption;
        let mut mint = self.prepare(client, grant, jkt, now).await?;
        let refreshable = self.first_refresh_token(client, &mint, session_end, now);
        mint.nonce = mint.grant.nonce.clone();
        let granted = self.audited(self.succeeded(EventKind::TokensIssued, "code", now), &mint);
        let refused = self.audited(self.refused(EventKind::CodeRefused, "refused", now), &mint);
        let (family, token) = refreshable.map_or((None, None), |(family, token)| (Some(family), Some(token)));
        mint.family = family.as_ref().map(|family| family.id);
        let plan = IssuePlan { fence, grant: mint.grant.clone(), family, record: mint.record.clone() };
        match self.ports.issuance.issue(&plan, &granted, &refused).await? {
            IssueOutcome::Issued => self.sign_and_answer(client, &mint, token, now).await,
            IssueOutcome::Replayed(first) => {
                let event = self.refused(EventKind::TokenReplay, "code_replayed", now);
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
        let person = self.ports.persons.find(grant.person).await?.ok_or_else(invalid_grant)?;
        // Each term of the level may have fallen since the login: it is computed again at each issue.
        let acr = grant.proof.terms.acr(&self.policy.assurance).ok_or_else(invalid_grant)?;
        let access_kid = self.planned_kid(Algorithm::Es256.as_str(), now).await?;
        let id_kid = self.planned_kid(client.id_token_alg.as_str(), now).await?;
        let jti = base64url(self.ports.entropy.bytes::<16>());
        let record = IssuanceRecord { jti: jti.clone(), kid: access_kid.clone(), at: now };
        let subject = self.subject_for(client, &person);
        Ok(Mint { grant, family: None, jkt, nonce: None, acr, subject, access_kid, id_kid, jti, record })
    }

    /// The subject a client knows a person by (OpenID Connect Core 8.1).
    pub(super) fn subject_for(&self, client: &Client, person: &Person) -> String {
        pairwise_subject(&self.keyring.symmetric.pairwise, &client.sector, &person.subject_seed)
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

    pub(super) fn open_refresh(&self, family: FamilyId, sealed: &[u8]) -> Result<Secret, PortError> {
        let corrupt = || PortError::Corrupt(String::from("refresh token seal"));
        let opened = self.storage.open(&refresh_context(family.uuid().as_bytes()), sealed).map_err(|_| corrupt())?;
        Ok(Secret::new(String::from_utf8(opened).map_err(|_| corrupt())?))
    }

    /// Signs with the planned keys and keeps the record. Only after a commit.
    pub(super) async fn sign_and_answer(
        &self,
        client: &Client,
        mint: &Mint,
        refresh: Option<Refreshable>,
        now: UnixTime,
    ) -> Result<TokenResponse, FlowError> {
        let expires = now.plus(self.policy.lifetimes.access_token);
        let access_token = self.sign_access_token(client, mint, expires, now).await.map_err(unsigned)?;
        let id_token = self.sign_id_token(client, mint, &access_token, (now, expires)).await.map_err(unsigned)?;
        let record = self.token_record(client, mint, expires, now);
        self.ports.access_tokens.put(&TokenHash::of(access_token.expose()), &record).await?;
        Ok(TokenResponse {
            access_token,
            token_type: if mint.jkt.is_some() { TokenType::Dpop } else { TokenType::Bearer },
            expires_in: self.policy.lifetimes.access_token.as_secs(),
            refresh_expires_in: refresh.as_ref().map(|refresh| refresh.ends.since(now).as_secs()),
            refresh_token: refresh.map(|refresh| refresh.token),
            id_token: Some(id_token),
            scope: mint.grant.scope.clone(),
        })
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
            sid: mint.grant.sid,
            at_hash: &at_hash(alg, access_token.expose()),
            extra: Map::new(),
        });
        let header = json!({ "alg": alg.as_str(), "typ": "JWT", "kid": mint.id_kid });
        self.sign_jwt(&header, &claims, &mint.id_kid).await
    }

    async fn sign_jwt(&self, header: &Value, claims: &Value, kid: &str) -> Result<Secret, PortError> {
        let input = signing_input(header, claims);
        let signature = self.ports.signer.sign(kid, input.as_bytes()).await?;
        Ok(Secret::new(compact(input, &signature)))
    }

    fn token_record(&self, client: &Client, mint: &Mint, expires: UnixTime, now: UnixTime) -> AccessTokenRecord {
        AccessTokenRecord {
            client: client.client_id.clone(),
            person: Some(mint.grant.person),
            device: mint.grant.proof.device,
            sid: Some(mint.grant.sid),
            grant: Some(mint.grant.id),
            family: mint.family,
            subject: mint.subject.clone(),
            scope: mint.grant.scope.clone(),
            claims: mint.grant.claims.clone(),
            audience: self.policy.issuer.clone(),
            kid: mint.access_kid.clone(),
            jkt: mint.jkt,
            auth_mode: Some(mint.grant.proof.auth_mode),
            issued_at: now,
            expires_at: expires,
        }
    }

    /// An event with who and what the mint is about.
    pub(super) fn audited(&self, event: AuditEvent, mint: &Mint) -> AuditEvent {
        let event = event
            .with_client(mint.grant.client.clone())
            .with_person(mint.grant.person)
            .with_transaction(mint.grant.id.to_string())
            .with_acr(mint.acr.as_str());
        match mint.grant.proof.device {
            Some(device) => event.with_device(device),
            None => event,
        }
    }
}

const fn refresh_context(family: &[u8; 16]) -> SealContext<'_> {
    SealContext { kind: "refresh/current", name: family, clear: &[] }
}

/// After the commit a failure gives nothing and says so: the code stays spent, a rotated refresh token is still
/// accepted once more.
fn unsigned(error: PortError) -> FlowError {
    OAuthError::new(ErrorCode::TemporarilyUnavailable, "the tokens could not be signed; try again")
        .with_internal(error.to_string())
        .into()
}
