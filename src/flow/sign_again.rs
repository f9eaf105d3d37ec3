//! A key replaced between the commit and the signature (design decision 5): what was planned is planned again with the
//! key that signs now, recorded again, signed, and answered. Once; a signer that fails otherwise stays 503.
//!
//! The records that were committed first stay, and name a token that nobody was given: no access-token record of it is
//! ever kept.

use crate::audit::EventKind;
use crate::base::UnixTime;
use crate::jose::Algorithm;
use crate::oauth::Client;
use crate::ports::{IssuanceRecord, PortError, RotateOutcome};

use super::grant_code::invalid_grant;
use super::issue::Mint;
use super::sign::unsigned;
use super::{FlowError, Provider};

impl Provider {
    /// What `mint` says, to be signed by the keys that sign now. Checked and committed as the first time.
    pub(super) async fn mint_again(
        &self,
        client: &Client,
        mint: Mint,
        kind: EventKind,
        now: UnixTime,
    ) -> Result<Mint, FlowError> {
        self.reread_keys().await?;
        let access_kid = self.planned_kid(Algorithm::Es256.as_str()).await?;
        let id_kid = self.planned_kid(client.id_token_alg.as_str()).await?;
        if access_kid == mint.access_kid && id_kid == mint.id_kid {
            return Err(unsigned(&PortError::Conflict));
        }
        let jti = self.fresh_jti();
        let record = IssuanceRecord { jti: jti.clone(), kid: access_kid.clone(), at: now, ..mint.record };
        let mint = Mint { access_kid, id_kid, jti, record, ..mint };
        let granted = Self::audited(self.succeeded(kind, KEY_REPLACED, now), &mint);
        let refused = Self::audited(self.refused(kind, "refused", now), &mint);
        let issuance = &self.ports.issuance;
        match issuance.repeat(&mint.grant, mint.family, &mint.record, &granted, &refused).await? {
            RotateOutcome::Rotated | RotateOutcome::Overtaken => Ok(mint),
            RotateOutcome::Refused(_) => Err(invalid_grant()),
        }
    }

    /// The key that signs in place of `before`, which was refused.
    pub(super) async fn planned_again(
        &self,
        algorithm: Algorithm,
        before: &str,
    ) -> Result<String, FlowError> {
        self.reread_keys().await?;
        let kid = self.planned_kid(algorithm.as_str()).await?;
        if kid == before { Err(unsigned(&PortError::Conflict)) } else { Ok(kid) }
    }
}

/// Why there are two rows for one answer.
pub(super) const KEY_REPLACED: &str = "key_replaced";
