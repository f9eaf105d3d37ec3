//! A device, and what an assertion of its credential proves.
//!
//! `WebAuthn Level 3` 7.2 (type, challenge, origin and signature are judged before). The record
//! follows the national one of an electronic identification means (`EimDto`).

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::base::{DeviceId, PersonId, UnixTime};
use crate::identity::{AMR_PHONE, Acr, AssuranceTerms, AuthMode, AuthenticationProof, Way};
use crate::jose::Thumbprint;

/// The facts of an assertion whose signature, challenge, origin and RP ID the authenticator port has verified.
#[expect(clippy::struct_excessive_bools, reason = "independent flags, as the specification names them")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// The credential that signed.
    pub credential_id: Vec<u8>,
    /// Flag UV: the phone's owner was checked.
    pub user_verified: bool,
    /// Flag UP: somebody was there.
    pub user_present: bool,
    /// Flag BE: the key may leave the phone.
    pub backup_eligible: bool,
    /// Flag BS: it has.
    pub backup_state: bool,
    /// The signature counter; zero when the authenticator keeps none.
    pub sign_count: u32,
    /// `crossOrigin` of the client data.
    pub cross_origin: bool,
    /// Raw `authenticatorData`, kept as evidence.
    pub authenticator_data: Vec<u8>,
    /// Raw `clientDataJSON`, kept as evidence.
    pub client_data_json: Vec<u8>,
    /// The signature, kept as evidence.
    pub signature: Vec<u8>,
}

/// A phone bound to a person: an electronic identification means.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its identifier.
    pub id: DeviceId,
    /// Its holder.
    pub person: PersonId,
    /// Credential identifier, unique among all persons (`WebAuthn L3` 7.1).
    pub credential_id: Vec<u8>,
    /// The credential as the authenticator adapter keeps it: opaque JSON, public key included.
    pub credential: String,
    /// The COSE public key, for evidence.
    pub credential_key: Vec<u8>,
    /// Thumbprint of the request key (RFC 7638): by it the device is found.
    pub jkt: Thumbprint,
    /// The last signature counter seen.
    pub sign_count: u32,
    /// What the phone says of itself.
    pub facts: DeviceFacts,
    /// When it was enrolled.
    pub created: UnixTime,
    /// From this instant on it proves nothing.
    pub valid_until: UnixTime,
    /// How it was activated.
    pub activation_mode: ActivationMode,
    /// What its enrolment proved.
    pub enrolment: Acr,
    /// Why: a machine word.
    pub enrolment_reason: String,
    /// What its attestation proves.
    pub evidence: Acr,
    /// Why: a machine word.
    pub evidence_reason: String,
    /// Serial number, told to the holder and to support.
    pub serial: String,
    /// Whether it may be used.
    pub status: DeviceStatus,
}

/// What a phone says of itself; shown to its holder, never a proof.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// The name its holder gave it.
    pub name: String,
    /// Maker's model.
    pub model: String,
    /// Operating system and version.
    pub operating_system: String,
    /// Version of the application.
    pub app_version: String,
}

/// How a device was activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationMode {
    /// A code by mail and another by telephone.
    ContactCodes,
    /// Another device of the same person.
    Device,
    /// A card.
    Card,
    /// Another identity provider, in a browser.
    Federation,
}

impl ActivationMode {
    /// The machine word, as stored and audited.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContactCodes => "contact_codes",
            Self::Device => "device",
            Self::Card => "card",
            Self::Federation => "federation",
        }
    }
}

/// Whether a device may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    /// It may.
    Active,
    /// Never again.
    Revoked,
}

/// What an assertion proved, and the counter to store with the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceProof {
    /// The authentication.
    pub proof: AuthenticationProof,
    /// The new signature counter; stored only if it is still greater, or both zero (`WebAuthn L3` 7.2).
    pub sign_count: u32,
}

impl DeviceProof {
    /// The same while the person's cooling period lasts: the enrolment of a phone bound after a first link counts least,
    /// so that who took a link over by traits alone cannot make it strong at once.
    #[must_use]
    pub fn in_cooling(mut self, until: Option<UnixTime>, now: UnixTime) -> Self {
        if until.is_some_and(|until| now < until) && self.proof.terms.enrolment > Acr::Eidas1 {
            self.proof.terms.enrolment = Acr::Eidas1;
            self.proof.terms.enrolment_reason = String::from("cooling");
        }
        self
    }
}

/// Why an assertion proves nothing. The phone hears one answer for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefusal {
    /// Another credential signed.
    #[error("the credential is not that of the device")]
    OtherCredential,
    /// The device is revoked.
    #[error("the device is revoked")]
    Revoked,
    /// The device is past its validity.
    #[error("the device has expired")]
    DeviceExpired,
    /// The page that asked was embedded in another site.
    #[error("the assertion was made across origins")]
    CrossOrigin,
    /// UP is not set.
    #[error("no user was present")]
    UserNotPresent,
    /// UV is not set.
    #[error("the user was not verified")]
    UserNotVerified,
    /// BE or BS is set: the key is not, or no longer, bound to the device.
    #[error("the credential may leave the device")]
    NotDeviceBound,
    /// The counter did not grow: a copy of the key, or a replay.
    #[error("the signature counter did not grow")]
    CounterStalled,
}

impl DeviceRefusal {
    /// The machine reason, for audit and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherCredential => "other_credential",
            Self::Revoked => "device_revoked",
            Self::DeviceExpired => "device_expired",
            Self::CrossOrigin => "cross_origin",
            Self::UserNotPresent => "user_not_present",
            Self::UserNotVerified => "user_not_verified",
            Self::NotDeviceBound => "not_device_bound",
            Self::CounterStalled => "counter_stalled",
        }
    }
}

/// Judges an assertion of `device` made by `way` at `now`.
///
/// # Errors
/// [`DeviceRefusal`], the first rule broken.
pub fn judge(
    assertion: &VerifiedAssertion,
    device: &Device,
    way: Way,
    now: UnixTime,
) -> Result<DeviceProof, DeviceRefusal> {
    // WebAuthn L3 7.2: the credential is one of the identified user.
    if !bool::from(assertion.credential_id.ct_eq(&device.credential_id)) {
        return Err(DeviceRefusal::OtherCredential);
    }
    if device.status != DeviceStatus::Active {
        return Err(DeviceRefusal::Revoked);
    }
    if now >= device.valid_until {
        return Err(DeviceRefusal::DeviceExpired);
    }
    judge_flags(assertion)?;
    // WebAuthn L3 7.2, 6.1.1: a counter kept by either side must grow.
    let kept = assertion.sign_count != 0 || device.sign_count != 0;
    if kept && assertion.sign_count <= device.sign_count {
        return Err(DeviceRefusal::CounterStalled);
    }
    Ok(DeviceProof { proof: proof(device, way, now), sign_count: assertion.sign_count })
}

fn judge_flags(assertion: &VerifiedAssertion) -> Result<(), DeviceRefusal> {
    // WebAuthn L3 7.2: this relying party is never embedded.
    if assertion.cross_origin {
        return Err(DeviceRefusal::CrossOrigin);
    }
    // WebAuthn L3 7.2: UP and UV are required.
    if !assertion.user_present {
        return Err(DeviceRefusal::UserNotPresent);
    }
    if !assertion.user_verified {
        return Err(DeviceRefusal::UserNotVerified);
    }
    // WebAuthn L3 7.2: enrolled with BE = 0, which never changes; BS needs BE.
    if assertion.backup_eligible || assertion.backup_state {
        return Err(DeviceRefusal::NotDeviceBound);
    }
    Ok(())
}

fn proof(device: &Device, way: Way, now: UnixTime) -> AuthenticationProof {
    AuthenticationProof {
        person: device.person,
        device: Some(device.id),
        auth_time: now,
        amr: AMR_PHONE.iter().map(|&method| String::from(method)).collect(),
        terms: AssuranceTerms {
            enrolment: device.enrolment,
            enrolment_reason: device.enrolment_reason.clone(),
            authenticator: device.evidence,
            authenticator_reason: device.evidence_reason.clone(),
            way,
        },
        auth_mode: AuthMode::Mobile,
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("id", &self.id)
            .field("person", &self.person)
            .field("valid_until", &self.valid_until)
            .field("activation_mode", &self.activation_mode)
            .field("enrolment", &self.enrolment)
            .field("evidence", &self.evidence)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DeviceFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceFacts([redacted])")
    }
}
