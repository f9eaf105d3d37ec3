//! Machine reasons for what webauthn-rs refuses.

use webauthn_rs::prelude::WebauthnError;

/// The reason for the audit log; the phone hears one answer for all.
pub(super) const fn reason_of(error: &WebauthnError) -> &'static str {
    match error {
        WebauthnError::InvalidClientDataType => "client_data_type",
        WebauthnError::MismatchedChallenge => "challenge",
        WebauthnError::InvalidRPOrigin => "origin",
        WebauthnError::CredentialCrossOrigin => "cross_origin",
        WebauthnError::InvalidRPIDHash => "rp_id",
        WebauthnError::UserNotPresent => "user_not_present",
        WebauthnError::UserNotVerified => "user_not_verified",
        WebauthnError::CredentialMayNotBeHardwareBound => "backup_flags",
        WebauthnError::CredentialBackupEligibilityInconsistent => "backup_eligibility_changed",
        WebauthnError::CredentialNotFound => "other_credential",
        WebauthnError::CredentialPossibleCompromise => "counter_stalled",
        WebauthnError::AuthenticationFailure | WebauthnError::SignatureInvalid => "signature",
        WebauthnError::CredentialAlteredAlgFromRequest => "algorithm_or_excluded",
        WebauthnError::COSEKeyInvalidCBORValue
        | WebauthnError::COSEKeyInvalidType
        | WebauthnError::COSEKeyEDUnsupported
        | WebauthnError::COSEKeyECDSAXYInvalid
        | WebauthnError::COSEKeyRSANEInvalid
        | WebauthnError::COSEKeyECDSAInvalidCurve
        | WebauthnError::COSEKeyEDDSAXInvalid
        | WebauthnError::COSEKeyEDDSAInvalidCurve
        | WebauthnError::COSEKeyInvalidAlgorithm
        | WebauthnError::EcdsaPointInvalid => "credential_key",
        WebauthnError::AttestationNotSupported => "attestation_format",
        WebauthnError::ParseJSONFailure(_) => "client_data",
        WebauthnError::ParseCBORFailure(_)
        | WebauthnError::ParseNOMFailure
        | WebauthnError::MissingAttestationCredentialData => "authenticator_data",
        _ => "attestation_statement",
    }
}
