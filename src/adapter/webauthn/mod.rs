//! The `WebAuthn` relying party (`Web Authentication Level 3` 7.1, 7.2), by webauthn-rs and by ourselves.
//!
//! webauthn-rs (its passkey flow) verifies type, challenge, origin, RP ID hash, UP, UV, BE and BS, the COSE key
//! and the signature of an assertion. Around it, and before it, this adapter verifies what that crate leaves open:
//! * `client_data`: strict JSON, origins equal letter by letter, never across origins (5.8.1, 13.4.9);
//! * `authenticator_data`: canonical CBOR, nothing after the last byte, `id` = `rawId` = attested id (6.1, 6.5);
//! * `packed`: the whole statement, self and certified (8.2), and `certificate`: the leaf's requirements (8.2.1)
//!   and the path to one of *our* roots with dates, by every root of the right name: that crate tries only one.
//!
//! Both readings must agree, and ours comes first. What a statement is worth is policy (`device::assess`): here
//! `none` and untrusted chains are facts. Other formats are verified by webauthn-rs alone and named in the facts.
//! Only ES256 is offered. The signature counter is judged with the database at hand (`device::judge`); here only
//! one lower than at registration is refused.
//!
//! The challenges are ours (design decision 9): `state` writes them into webauthn-rs' serialised state. Not
//! here: single use of the state (the caller takes it once), revocation of intermediates, discoverable credentials.

mod authenticator_data;
mod certificate;
mod client_data;
mod packed;
mod reason;
mod response;
mod state;

use std::sync::Arc;

use serde_json::Value;
use url::{Origin, Url};
use webauthn_rs::prelude::{Credential, Passkey};
use webauthn_rs::{Webauthn, WebauthnBuilder};

pub use self::certificate::is_test_root;

use self::authenticator_data::{AttestationObject, AuthenticatorData};
use self::certificate::TrustedRoots;
use self::client_data::check_client_data;
use self::reason::reason_of;
use self::response::{AssertionAnswer, RegistrationAnswer};
use self::state::{KeptAssertion, KeptCredential, KeptRegistration};
use crate::base::{Clock, SystemClock};
use crate::device::{AttestationFacts, AttestationFormat, VerifiedAssertion};
use crate::ports::{
    AssertionCeremony, Authenticator, AuthenticatorError, RegistrationCeremony, RegistrationRequest,
    VerifiedRegistration,
};

/// Why the relying party cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum WebauthnSetupError {
    /// The RP ID is not the origin's host or a domain above it (5.1.3), or the origin has no domain.
    #[error("the relying party id does not belong to the origin")]
    RpId,
    /// A trusted root is unreadable, or may not issue certificates.
    #[error("trusted attestation roots: {0}")]
    Root(&'static str),
}

/// The relying party of one RP ID.
pub struct WebauthnAuthenticator {
    rp_id: String,
    origins: Vec<String>,
    roots: TrustedRoots,
    webauthn: Webauthn,
    clock: Arc<dyn Clock>,
}

impl WebauthnAuthenticator {
    /// The relying party `rp_id` at `rp_origin`; `allowed_origins` are those of its applications. `trusted_roots`
    /// are the attestation roots, PEM, possibly none. Certificates are dated by the system clock.
    ///
    /// # Errors
    /// [`WebauthnSetupError`].
    pub fn new(
        rp_id: &str,
        rp_origin: &Url,
        allowed_origins: &[Url],
        trusted_roots: &[u8],
        rp_name: &str,
    ) -> Result<Self, WebauthnSetupError> {
        // Subdomains and other ports are never allowed: 13.4.9.
        let mut builder = WebauthnBuilder::new(rp_id, rp_origin)
            .map_err(|_| WebauthnSetupError::RpId)?
            .rp_name(rp_name)
            .allow_subdomains(false)
            .allow_any_port(false);
        for origin in allowed_origins {
            builder = builder.append_allowed_origin(origin);
        }
        Ok(Self {
            rp_id: String::from(rp_id),
            origins: std::iter::once(rp_origin).chain(allowed_origins).map(origin_text).collect(),
            roots: TrustedRoots::from_pem(trusted_roots).map_err(WebauthnSetupError::Root)?,
            webauthn: builder.build().map_err(|_| WebauthnSetupError::RpId)?,
            clock: Arc::new(SystemClock),
        })
    }

    /// The same, with certificates dated by `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Whether a throw-away test root is among the trusted ones; production refuses to start with it.
    #[must_use]
    pub fn trusts_test_root(&self) -> bool {
        self.roots.include_test_root()
    }

    /// 7.1 steps on `attStmt`: its facts, once it is verified.
    fn attestation(
        &self,
        object: &AttestationObject,
        client_data: &[u8],
    ) -> Result<AttestationFacts, AuthenticatorError> {
        let (format, chain_trusted) = match object.format.as_str() {
            "packed" => {
                let trust = packed::verify(object, client_data)?;
                let now = self.clock.now();
                trust.map_or((AttestationFormat::PackedSelf, false), |chain| {
                    let aaguid = object.attested.aaguid;
                    (AttestationFormat::PackedBasic { aaguid }, self.roots.certify(&chain, now))
                })
            }
            "none" if object.is_statement_empty() => (AttestationFormat::None, false), // 8.7
            "none" => return Err(AuthenticatorError::Refused("attestation_statement")),
            "android-key" => (AttestationFormat::AndroidKey {}, false),
            "apple" => (AttestationFormat::Apple, false),
            "tpm" => (AttestationFormat::Tpm, false),
            other => (AttestationFormat::Other(String::from(other)), false),
        };
        Ok(AttestationFacts {
            format,
            chain_trusted,
            backup_eligible: object.data.backup_eligible(),
            backup_state: object.data.backup_state(),
            user_verified: object.data.user_verified(),
        })
    }
}

impl Authenticator for WebauthnAuthenticator {
    fn rp_id(&self) -> &str {
        &self.rp_id
    }

    fn begin_registration(
        &self,
        request: &RegistrationRequest<'_>,
    ) -> Result<RegistrationCeremony, AuthenticatorError> {
        let exclude = request.exclude.clone();
        let (options, registration) = self
            .webauthn
            .start_passkey_registration(
                request.user_handle,
                request.display_name,
                request.display_name,
                Some(exclude),
            )
            .map_err(|error| AuthenticatorError::State(error.to_string()))?;
        state::registration(&options, &registration, request)
    }

    fn finish_registration(
        &self,
        state: &str,
        response: &Value,
    ) -> Result<VerifiedRegistration, AuthenticatorError> {
        let kept = KeptRegistration::read(state)?;
        let answer = RegistrationAnswer::read(response)?;
        check_client_data(&answer.client_data, &self.origins)?;
        let object = AttestationObject::parse(&answer.attestation_object)?;
        // 6.5.2: the attested id is the one the client names.
        if object.attested.credential_id != answer.credential_id {
            return Err(AuthenticatorError::Refused("credential_id"));
        }
        let facts = self.attestation(&object, &answer.client_data)?;
        let passkey = self
            .webauthn
            .finish_passkey_registration(&answer.into_proto(), &kept.webauthn)
            .map_err(|error| AuthenticatorError::Refused(reason_of(&error)))?;
        let sign_count = object.data.sign_count;
        let credential = KeptCredential { user_handle: kept.user_handle, sign_count, passkey };
        Ok(VerifiedRegistration {
            facts,
            credential: credential.write()?,
            credential_id: object.attested.credential_id,
            credential_key: object.attested.key,
            sign_count,
        })
    }

    fn begin_assertion(
        &self,
        credential: &str,
        challenge: [u8; 32],
    ) -> Result<AssertionCeremony, AuthenticatorError> {
        let kept = KeptCredential::read(credential)?;
        // The counter kept here is that of the registration: `device::judge` knows the last one.
        let mut inner = Credential::from(kept.passkey.clone());
        inner.counter = 0;
        let (options, authentication) = self
            .webauthn
            .start_passkey_authentication(&[Passkey::from(inner)])
            .map_err(|error| AuthenticatorError::State(error.to_string()))?;
        state::assertion(&options, &authentication, &kept, challenge)
    }

    fn finish_assertion(
        &self,
        state: &str,
        response: &Value,
    ) -> Result<VerifiedAssertion, AuthenticatorError> {
        let kept = KeptAssertion::read(state)?;
        let answer = AssertionAnswer::read(response)?;
        check_client_data(&answer.client_data, &self.origins)?;
        let data = AuthenticatorData::parse_assertion(&answer.authenticator_data)?;
        // 7.2 step 6: the user handle, if there is one, is that of the identified user.
        if answer.user_handle.as_ref().is_some_and(|handle| handle != kept.user_handle.as_bytes()) {
            return Err(AuthenticatorError::Refused("user_handle"));
        }
        self.webauthn
            .finish_passkey_authentication(&answer.to_proto(), &kept.webauthn)
            .map_err(|error| AuthenticatorError::Refused(reason_of(&error)))?;
        // 7.2 step 22: less than at registration is refused here; the rest is judged with the last counter seen.
        if data.sign_count < kept.sign_count {
            return Err(AuthenticatorError::Refused("counter_stalled"));
        }
        Ok(VerifiedAssertion {
            credential_id: answer.credential_id,
            user_verified: data.user_verified(),
            user_present: data.user_present(),
            backup_eligible: data.backup_eligible(),
            backup_state: data.backup_state(),
            sign_count: data.sign_count,
            cross_origin: false,
            authenticator_data: answer.authenticator_data,
            client_data_json: answer.client_data,
            signature: answer.signature,
        })
    }
}

/// How client data names this origin (5.8.1): the serialised origin, or the whole text of an application's.
fn origin_text(url: &Url) -> String {
    match url.origin() {
        origin @ Origin::Tuple(..) => origin.ascii_serialization(),
        Origin::Opaque(_) => String::from(url.as_str()),
    }
}
