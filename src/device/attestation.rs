//! What the attestation of a new credential is worth.
//!
//! `WebAuthn Level 3` 7.1, the steps on flags, format and trust, and 8.2 (packed). The statement itself is
//! verified by the authenticator port. Only `packed` is accepted; every other format is refused.

use uuid::Uuid;

use crate::identity::Acr;

/// The facts of a registration whose statement the authenticator port has verified.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as the specification names them")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationFacts {
    /// The format, and what it says.
    pub format: AttestationFormat,
    /// The certificates lead to a root of the dedicated set, never to that of the operating system.
    pub chain_trusted: bool,
    /// Flag BE.
    pub backup_eligible: bool,
    /// Flag BS.
    pub backup_state: bool,
    /// Flag UV.
    pub user_verified: bool,
}

/// An attestation statement format (`WebAuthn L3` 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttestationFormat {
    /// Nothing is attested (8.7).
    None,
    /// Packed, signed by the credential itself (8.2).
    PackedSelf,
    /// Packed, signed under a certificate of the maker (8.2).
    PackedBasic {
        /// The model, equal in the certificate and in the authenticator data.
        aaguid: Uuid,
    },
    /// Android key (8.4).
    AndroidKey {},
    /// Apple anonymous (8.8).
    Apple,
    /// TPM (8.3).
    Tpm,
    /// Another one, by name.
    Other(String),
}

/// Which attestations are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttestationPolicy {
    /// Self attestation gives `eidas1`: for demonstrations.
    pub allow_self: bool,
    /// The models whose attestation gives `eidas2`.
    pub aaguids: Vec<Uuid>,
}

/// Why a credential is not accepted. The phone hears one answer for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationRefusal {
    /// BE or BS is set.
    #[error("the credential may leave the device")]
    NotDeviceBound,
    /// UV is not set.
    #[error("the user was not verified")]
    UserNotVerified,
    /// Format `none`.
    #[error("nothing is attested")]
    NotAttested,
    /// Self attestation, which the policy does not allow.
    #[error("self attestation is not allowed")]
    SelfAttested,
    /// The certificates lead to no root of ours.
    #[error("the attestation chain is not trusted")]
    Untrusted,
    /// A genuine model that the policy does not list.
    #[error("the model is not listed")]
    ModelNotListed,
    /// A format that proves nothing here.
    #[error("the attestation format is not accepted")]
    Format,
}

impl AttestationRefusal {
    /// The machine reason, for audit and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotDeviceBound => "not_device_bound",
            Self::UserNotVerified => "user_not_verified",
            Self::NotAttested => "not_attested",
            Self::SelfAttested => "self_attested",
            Self::Untrusted => "attestation_untrusted",
            Self::ModelNotListed => "model_not_listed",
            Self::Format => "attestation_format",
        }
    }
}

/// The level the authenticator's evidence gives, and the machine word that says why.
///
/// # Errors
/// [`AttestationRefusal`], the first rule broken.
pub fn assess(
    facts: &AttestationFacts,
    policy: &AttestationPolicy,
) -> Result<(Acr, &'static str), AttestationRefusal> {
    // WebAuthn L3 7.1: BS only with BE; and BE itself means that the key can be copied.
    if facts.backup_eligible || facts.backup_state {
        return Err(AttestationRefusal::NotDeviceBound);
    }
    // WebAuthn L3 7.1: user verification is required here.
    if !facts.user_verified {
        return Err(AttestationRefusal::UserNotVerified);
    }
    // WebAuthn L3 7.1: trustworthiness, per format.
    match facts.format {
        AttestationFormat::PackedBasic { .. } if !facts.chain_trusted => Err(AttestationRefusal::Untrusted),
        AttestationFormat::PackedBasic { aaguid } if policy.aaguids.contains(&aaguid) => {
            Ok((Acr::Eidas2, "attested_model"))
        }
        AttestationFormat::PackedBasic { .. } => Err(AttestationRefusal::ModelNotListed),
        AttestationFormat::PackedSelf if policy.allow_self => Ok((Acr::Eidas1, "self_attestation")),
        AttestationFormat::PackedSelf => Err(AttestationRefusal::SelfAttested),
        AttestationFormat::None => Err(AttestationRefusal::NotAttested),
        AttestationFormat::AndroidKey {}
        | AttestationFormat::Apple
        | AttestationFormat::Tpm
        | AttestationFormat::Other(_) => Err(AttestationRefusal::Format),
    }
}
