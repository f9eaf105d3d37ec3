//! Tests of the domain, one file per subject.

mod approval_binding;
mod approval_number;
mod approval_state;
mod audit_chain;
mod device_attestation;
mod device_credential;
mod device_enrolment;
mod federation_provider;
mod identity_assurance;
mod identity_directory_extract;
mod identity_national_id;
mod identity_sector_claims;
mod interaction_next_step;
mod keyring_policy;
mod keyring_sweep;
