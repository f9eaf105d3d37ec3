//! DPoP proofs (RFC 9449) at our endpoints, and phone requests authenticated by one (design decision 9).

use std::time::Duration;

use crate::audit::EventKind;
use crate::base::{Secret, UnixTime};
use crate::device::{Device, DeviceStatus};
use crate::identity::{Person, PersonStatus};
use crate::jose::Thumbprint;
use crate::oauth::{
    DpopExpectation, DpopProof, ErrorCode, NonceClass, NonceIssuer, OAuthError, claimed_nonce, validate_proof,
};
use crate::ports::{Generation, ReplayKind, Sighting};

use super::{FlowError, Provider};

/// Age and lead accepted for the `iat` of a proof; the nonce bounds it more tightly (RFC 9449 11.1).
const PROOF_WINDOW: Duration = Duration::from_mins(5);

/// The `DPoP` headers of a request, and what a proof must say about it.
#[derive(Debug)]
pub struct PresentedProof {
    /// Header values, all of them.
    pub headers: Vec<String>,
    /// HTTP method.
    pub method: String,
    /// Path of the endpoint, to which the issuer is prefixed.
    pub path: String,
    /// Kind of endpoint: nonces of one kind are not good at another.
    pub class: NonceClass,
}

/// A phone that has proved its request key, and is enrolled, active and in time; and its person, who is active.
pub struct AuthenticatedDevice {
    device: Device,
    holder: Person,
}

impl AuthenticatedDevice {
    /// The phone.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// Whose it is, as read for this request.
    pub(super) const fn holder(&self) -> &Person {
        &self.holder
    }
}

/// Why a phone was not authenticated.
#[derive(Debug, thiserror::Error)]
pub enum DeviceAuthError {
    /// The proof itself.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// No active phone has this key.
    #[error("no active device has this key")]
    Unknown,
}

impl Provider {
    /// A nonce for the next proof; every replica accepts it (RFC 9449 8).
    #[must_use]
    pub fn fresh_nonce(&self, class: NonceClass) -> String {
        self.nonces(class, self.ports.replay.known_generation()).issue(self.now())
    }

    /// Demands a current nonce before anything is consumed or recorded (design decision 6).
    pub(crate) async fn check_nonce(&self, proof: &PresentedProof, now: UnixTime) -> Result<(), FlowError> {
        if proof.headers.is_empty() { Ok(()) } else { self.nonce_generation(proof, now).await.map(drop) }
    }

    /// The generation of the memory, in which the nonce of the one proof was issued (`security.md` 5.4).
    async fn nonce_generation(&self, proof: &PresentedProof, now: UnixTime) -> Result<u64, FlowError> {
        let [header] = proof.headers.as_slice() else { return Err(invalid_proof("several_proofs")) };
        let nonce: Option<String> = claimed_nonce(header).map_err(|error| invalid_proof(error.as_str()))?;
        let generation = self.ports.replay.generation().await?;
        if nonce.is_some_and(|nonce| self.nonces(proof.class, generation).check(&nonce, now)) {
            return Ok(generation.number);
        }
        Err(use_nonce())
    }

    /// Verifies a proof whose nonce was checked, and uses up its `jti`.
    pub(crate) async fn accept_proof(
        &self,
        proof: &PresentedProof,
        access_token: Option<&Secret>,
        now: UnixTime,
    ) -> Result<DpopProof, FlowError> {
        let uri = format!("{}{}", self.policy.issuer, proof.path);
        let expectation =
            DpopExpectation { method: &proof.method, uri: &uri, now, window: PROOF_WINDOW, access_token };
        let headers: Vec<&str> = proof.headers.iter().map(String::as_str).collect();
        let accepted =
            validate_proof(&headers, &expectation).map_err(|error| invalid_proof(error.as_str()))?;
        let until = now.plus(PROOF_WINDOW + PROOF_WINDOW);
        // Between the check of the nonce and here the memory may have been lost.
        let kind = ReplayKind::DpopProof { generation: self.nonce_generation(proof, now).await? };
        match self.ports.replay.first_seen(kind, &accepted.jti_hash, until, now).await? {
            Sighting::First => Ok(accepted),
            Sighting::Again => Err(invalid_proof("proof_replayed")),
            Sighting::Forgotten => Err(use_nonce()),
        }
    }

    /// The key of a phone that is not enrolled yet.
    pub(crate) async fn prove_request_key(
        &self,
        proof: &PresentedProof,
        now: UnixTime,
    ) -> Result<Thumbprint, FlowError> {
        if proof.headers.is_empty() {
            return Err(FlowError::protocol(ErrorCode::InvalidDpopProof, "a DPoP proof is required"));
        }
        self.check_nonce(proof, now).await?;
        Ok(self.accept_proof(proof, None, now).await?.jkt)
    }

    /// Authenticates a phone's request.
    pub async fn authenticate_device(
        &self,
        proof: &PresentedProof,
    ) -> Result<AuthenticatedDevice, DeviceAuthError> {
        let now = self.now();
        let jkt = self.prove_request_key(proof, now).await?;
        let found = self.ports.devices.find_by_key(&jkt).await.map_err(FlowError::from)?;
        let active = |device: &Device| device.status == DeviceStatus::Active && now < device.valid_until;
        let reason = match found {
            Some(device) if active(&device) => match self.ports.persons.find(device.person).await {
                // A phone of somebody locked or gone answers for nobody.
                Ok(Some(holder)) if holder.status == PersonStatus::Active => {
                    return Ok(AuthenticatedDevice { device, holder });
                }
                found => {
                    found.map_err(FlowError::from)?;
                    "person_inactive"
                }
            },
            Some(_) => "device_inactive",
            None => "device_unknown",
        };
        let event = self.refused(EventKind::DeviceAuthentication, reason, now);
        self.ports.audit.append(&event).await.map_err(FlowError::from)?;
        Err(DeviceAuthError::Unknown)
    }

    fn nonces(&self, class: NonceClass, generation: Generation) -> NonceIssuer {
        self.keyring.symmetric().nonces(generation.number).for_class(class)
    }
}

fn use_nonce() -> FlowError {
    FlowError::protocol(ErrorCode::UseDpopNonce, "the proof needs the nonce of the DPoP-Nonce header")
}

fn invalid_proof(internal: &'static str) -> FlowError {
    OAuthError::new(ErrorCode::InvalidDpopProof, "the DPoP proof is invalid").with_internal(internal).into()
}
