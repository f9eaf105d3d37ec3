//! The ID token (`OpenID Connect Core` 2, 3.1.3.7, 3.1.3.8; RFC 7519 5.2 for the nested form).

use std::time::Duration;

use super::connection::Connection;
use super::fetch::MAX_BODY;
use super::token::own_keys;
use crate::base::{Secret, UnixTime};
use crate::federation::Encryption;
use crate::jose::{CompactJwe, JwtError, RegisteredClaims, TypRule, Verified, check_typ};
use crate::ports::{DecryptError, UpstreamError, UpstreamRefusal};

/// Clock difference allowed.
pub(super) const SKEW: Duration = Duration::from_secs(10);

impl Connection {
    /// The signed token inside, in the form that was agreed and in no other (3.1.3.7 step 1).
    pub(super) async fn open_id_token(&self, token: &Secret) -> Result<Secret, UpstreamError> {
        match (&self.provider.encryption, CompactJwe::is_shaped(token.expose())) {
            (Encryption::None, false) => Ok(token.clone()),
            (Encryption::None, true) => Err(UpstreamRefusal::Encrypted.into()),
            (Encryption::Required(_), false) => Err(UpstreamRefusal::NotEncrypted.into()),
            (Encryption::Required(_), true) => self.decrypt(token.expose()).await,
        }
    }

    pub(super) async fn decrypt(&self, token: &str) -> Result<Secret, UpstreamError> {
        let allowed = self.provider.encryption.algorithms();
        self.own.decrypter.decrypt(token, allowed, MAX_BODY).await.map_err(|error| match error {
            DecryptError::Port(error) => own_keys(error),
            _ => UpstreamRefusal::Undecryptable.into(),
        })
    }

    /// What the verified token says, against what was asked and agreed. `hash` is that of the access token.
    pub(super) fn check_id_token(
        &self,
        token: &Verified,
        nonce: &Secret,
        hash: &str,
        now: UnixTime,
    ) -> Result<(), UpstreamRefusal> {
        check_typ(token.header.typ.as_deref(), TypRule::Optional(&[])).map_err(|_| UpstreamRefusal::Type)?;
        let claims = RegisteredClaims::parse(&token.claims).map_err(|_| UpstreamRefusal::Malformed)?;
        // 3.1.3.7 step 2
        if claims.iss.as_deref() != Some(self.provider.issuer.as_str()) {
            return Err(UpstreamRefusal::Issuer);
        }
        // Step 3: an audience that we do not know is not trusted.
        if !claims.aud.is_only(&self.provider.client_id) {
            return Err(UpstreamRefusal::Audience);
        }
        // Steps 4 and 5
        if token.claims.get("azp").is_some_and(|azp| *azp != self.provider.client_id) {
            return Err(UpstreamRefusal::AuthorizedParty);
        }
        // Steps 9 and 10
        if claims.exp.is_none() {
            return Err(UpstreamRefusal::Expired);
        }
        if claims.iat.is_none() {
            return Err(UpstreamRefusal::IssuedInFuture);
        }
        claims.check_time(now, SKEW).map_err(|error| match error {
            JwtError::Expired => UpstreamRefusal::Expired,
            _ => UpstreamRefusal::IssuedInFuture,
        })?;
        // Step 11
        let said = token.claims.get("nonce").and_then(serde_json::Value::as_str);
        if said.map(|said| Secret::new(said.to_owned())).as_ref() != Some(nonce) {
            return Err(UpstreamRefusal::Nonce);
        }
        // 3.1.3.8
        if token.claims.get("at_hash").is_some_and(|said| said != hash) {
            return Err(UpstreamRefusal::AccessTokenHash);
        }
        // 2: at most 255 ASCII characters.
        let is_subject =
            |sub: &String| (1..=255).contains(&sub.len()) && sub.bytes().all(|byte| byte.is_ascii_graphic());
        if claims.sub.is_some_and(|sub| is_subject(&sub)) { Ok(()) } else { Err(UpstreamRefusal::Subject) }
    }
}
