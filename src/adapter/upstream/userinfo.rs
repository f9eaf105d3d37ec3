//! Userinfo (`OpenID Connect Core` 5.3.2, 5.3.4): signed, encrypted like the ID token, or bare, as was agreed.

use serde_json::{Map, Value};

use super::connection::Connection;
use super::discovery::Metadata;
use super::fetch::{JSON, JWT};
use super::id_token::SKEW;
use crate::base::Secret;
use crate::federation::{Encryption, UserinfoForm};
use crate::jose::{Audience, CompactJwe, RegisteredClaims, TypRule, check_typ};
use crate::ports::{UpstreamError, UpstreamRefusal};

impl Connection {
    /// The claims, whose `sub` is that of `id_token`.
    pub(super) async fn userinfo(
        &self,
        access_token: &Secret,
        id_token: &Map<String, Value>,
        metadata: &Metadata,
    ) -> Result<Map<String, Value>, UpstreamError> {
        let accept = if self.provider.userinfo == UserinfoForm::Jwt { JWT } else { JSON };
        let reply = self.heard(self.http.get(&metadata.userinfo, accept, Some(access_token)).await)?;
        let claims = match self.provider.userinfo {
            UserinfoForm::Json => {
                reply.body_of(&[JSON])?;
                reply.object().ok_or(UpstreamRefusal::UserinfoMalformed)?
            }
            UserinfoForm::Jwt => {
                if reply.is(&[JSON]) && reply.status.is_success() {
                    return Err(UpstreamRefusal::UserinfoUnsigned.into());
                }
                reply.body_of(&[JWT])?;
                let token = reply.text().ok_or(UpstreamRefusal::UserinfoMalformed)?;
                self.signed_userinfo(token, metadata).await?
            }
        };
        // 5.3.2: otherwise they are of somebody else.
        match (claims.get("sub"), id_token.get("sub")) {
            (Some(Value::String(said)), Some(Value::String(sub))) if said == sub => Ok(claims),
            _ => Err(UpstreamRefusal::UserinfoSubject.into()),
        }
    }

    async fn signed_userinfo(
        &self,
        token: &str,
        metadata: &Metadata,
    ) -> Result<Map<String, Value>, UpstreamError> {
        let signed = match (&self.provider.encryption, CompactJwe::is_shaped(token)) {
            (Encryption::None, false) => Secret::new(token.to_owned()),
            (Encryption::Required(_), true) => self.decrypt(token).await?,
            (Encryption::None, true) | (Encryption::Required(_), false) => {
                return Err(UpstreamRefusal::UserinfoEncryption.into());
            }
        };
        let verified = self.verify(signed.expose(), metadata).await.map_err(of_userinfo)?;
        check_typ(verified.header.typ.as_deref(), TypRule::Optional(&[]))
            .map_err(|_| UpstreamRefusal::UserinfoMalformed)?;
        let claims =
            RegisteredClaims::parse(&verified.claims).map_err(|_| UpstreamRefusal::UserinfoMalformed)?;
        if claims.iss.as_ref().is_some_and(|iss| *iss != self.provider.issuer) {
            return Err(UpstreamRefusal::UserinfoIssuer.into());
        }
        if claims.aud != Audience::None && !claims.aud.is_only(&self.provider.client_id) {
            return Err(UpstreamRefusal::UserinfoAudience.into());
        }
        claims.check_time(self.now(), SKEW).map_err(|_| UpstreamRefusal::UserinfoExpired)?;
        Ok(verified.claims)
    }
}

/// The same checks of signature, under the names of userinfo.
fn of_userinfo(error: UpstreamError) -> UpstreamError {
    let UpstreamError::Refused(refusal) = error else { return error };
    let named = match refusal {
        UpstreamRefusal::Malformed => UpstreamRefusal::UserinfoMalformed,
        UpstreamRefusal::Algorithm | UpstreamRefusal::UnknownKey | UpstreamRefusal::Signature => {
            UpstreamRefusal::UserinfoSignature
        }
        other => other,
    };
    named.into()
}
