//! The authorization code grant (RFC 6749 4.1.3).
//!
//! The code is taken first: from then on every failure leaves it spent. Its single use is decided in SQL, in the
//! transaction that writes the grant; a second use revokes what the first one gave (RFC 6749 4.1.2).

use crate::audit::EventKind;
use crate::base::{Secret, TokenHash, UnixTime};
use crate::jose::{Algorithm, Thumbprint};
use crate::oauth::{Client, CodePresented, ErrorCode, OAuthError, TokenResponse, judge_code};
use crate::ports::{CodePayload, Cutoff, CutoffScope, Fence, FenceKind, FenceLife, Grant};

use super::issue::Redemption;
use super::{FlowError, Provider};

/// A code as presented.
pub(super) struct Presented {
    /// The code.
    pub(super) code: Secret,
    /// `redirect_uri`.
    pub(super) redirect_uri: Option<String>,
    /// `code_verifier`.
    pub(super) code_verifier: Option<Secret>,
    /// Key proved by DPoP.
    pub(super) jkt: Option<Thumbprint>,
}

impl Provider {
    /// Redeems a code for `client`.
    pub(super) async fn redeem_code(
        &self,
        client: &Client,
        presented: Presented,
        now: UnixTime,
    ) -> Result<TokenResponse, FlowError> {
        // Before the code is spent: without the client's key there is nothing to give, and it may come again.
        self.id_token_key(client).await?;
        let hash = TokenHash::of(presented.code.expose());
        // A code is not spent on tokens that nobody can sign now.
        self.planned_kid(Algorithm::Es256.as_str()).await?;
        let Some(payload) = self.ports.one_shot.take_code(&hash, now).await? else {
            self.punish_replay(client, &hash, now).await?;
            return Err(invalid_grant());
        };
        let fields = CodePresented {
            redirect_uri: presented.redirect_uri.as_deref(),
            code_verifier: presented.code_verifier.as_ref(),
        };
        if let Err(error) = judge_code(&payload.binding, &client.client_id, fields, presented.jkt) {
            let event = self
                .refused(EventKind::TokensIssued, "code_binding", now)
                .with_client(client.client_id.clone())
                .with_person(payload.person)
                .with_on_behalf_of(payload.on_behalf_of.map(|behalf| behalf.person));
            self.ports.audit.append(&event).await?;
            return Err(error.into());
        }
        let redemption = self.redemption(client, payload, hash, presented.jkt, now);
        self.issue(client, redemption, now).await
    }

    fn redemption(
        &self,
        client: &Client,
        payload: CodePayload,
        hash: TokenHash,
        jkt: Option<Thumbprint>,
        now: UnixTime,
    ) -> Redemption {
        let grant = Grant {
            id: payload.grant,
            person: payload.person,
            on_behalf_of: payload.on_behalf_of,
            client: client.client_id.clone(),
            sid: payload.sid,
            scope: payload.scope,
            claims: payload.claims,
            nonce: payload.nonce,
            proof: payload.proof,
            created: now,
        };
        // Kept well past the code's own deadline: a payload resurrected by a failover finds it.
        let expires = payload.deadline;
        let life = FenceLife { expires, until: expires.plus(self.policy.lifetimes.session) };
        Redemption {
            fence: Fence { kind: FenceKind::Code, hash, life },
            grant,
            session_end: payload.session_end,
            jkt,
            // No later than the reading of a remembered consent: the code was made after it.
            agreed: payload.consented_at.unwrap_or(payload.issued_at),
        }
    }

    /// A code that is not there may have been used: what its first use gave to this client ends.
    async fn punish_replay(&self, client: &Client, hash: &TokenHash, now: UnixTime) -> Result<(), FlowError> {
        let event = self
            .refused(EventKind::TokenReplay, "code_unknown_or_used", now)
            .with_client(client.client_id.clone());
        let revoked = self.ports.issuance.replayed(FenceKind::Code, hash, &client.client_id, &event).await?;
        if let Some(grant) = revoked {
            self.cutoffs.note(&Cutoff { scope: CutoffScope::Grant(grant), at: now });
        }
        Ok(())
    }
}

pub(super) fn invalid_grant() -> FlowError {
    OAuthError::new(ErrorCode::InvalidGrant, "the grant is invalid, expired, used or not this client's")
        .into()
}
