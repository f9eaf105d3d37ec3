//! WebAuthn ceremonies (Web Authentication Level 3, 7.1 and 7.2) with challenges of ours.

use serde_json::Value;
use uuid::Uuid;

use crate::device::{AttestationFacts, VerifiedAssertion};

/// A registration to begin.
pub struct RegistrationRequest<'a> {
    /// WebAuthn user handle: random, never an identity number.
    pub user_handle: Uuid,
    /// What the phone shows for the account; holds no identity number.
    pub display_name: &'a str,
    /// Our challenge, 32 bytes (design decision 9).
    pub challenge: [u8; 32],
    /// Credential ids the person has already.
    pub exclude: Vec<Vec<u8>>,
}

/// A registration under way.
pub struct RegistrationCeremony {
    /// `PublicKeyCredentialCreationOptionsJSON` for the phone.
    pub options: Value,
    /// State to keep until the answer, opaque.
    pub state: String,
}

/// An assertion under way.
pub struct AssertionCeremony {
    /// `PublicKeyCredentialRequestOptionsJSON` for the phone.
    pub options: Value,
    /// State to keep until the answer, opaque.
    pub state: String,
}

/// A registration whose signature, challenge, origin and relying party were verified.
pub struct VerifiedRegistration {
    /// Facts for the policy to judge.
    pub facts: AttestationFacts,
    /// Credential id, at most 1023 bytes.
    pub credential_id: Vec<u8>,
    /// The credential as this port needs it back, opaque JSON.
    pub credential: String,
    /// The public key, COSE.
    pub credential_key: Vec<u8>,
    /// Signature counter at registration.
    pub sign_count: u32,
}

/// Why a ceremony failed.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticatorError {
    /// The phone's answer is refused; a machine reason for the audit log, the same answer for all to the phone.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// The kept state or credential cannot be read.
    #[error("state: {0}")]
    State(String),
}

/// The WebAuthn relying party.
pub trait Authenticator: Send + Sync {
    /// Relying party id (a domain).
    fn rp_id(&self) -> &str;
    /// Begins a registration.
    fn begin_registration(
        &self,
        request: &RegistrationRequest<'_>,
    ) -> Result<RegistrationCeremony, AuthenticatorError>;
    /// Verifies the phone's `RegistrationResponseJSON` against the kept state (7.1).
    fn finish_registration(
        &self,
        state: &str,
        response: &Value,
    ) -> Result<VerifiedRegistration, AuthenticatorError>;
    /// Begins an assertion by `credential`, as [`VerifiedRegistration::credential`] gave it.
    fn begin_assertion(
        &self,
        credential: &str,
        challenge: [u8; 32],
    ) -> Result<AssertionCeremony, AuthenticatorError>;
    /// Verifies the phone's `AuthenticationResponseJSON` against the kept state (7.2). Facts only: policy is judged later.
    fn finish_assertion(
        &self,
        state: &str,
        response: &Value,
    ) -> Result<VerifiedAssertion, AuthenticatorError>;
}
