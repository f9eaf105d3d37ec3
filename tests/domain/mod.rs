//! Tests of the domain, one file per subject.

mod approval_binding;
mod approval_number;
mod approval_state;
mod audit_chain;
mod device_attestation;
mod device_credential;
mod device_enrolment;
mod federation_claims_map;
mod federation_link;
mod federation_names;
mod federation_provider;
mod identity_assurance;
mod identity_directory_change;
mod identity_directory_extract;
mod identity_ins;
mod identity_national_id;
mod identity_patient_claims;
mod identity_patient_file;
mod identity_pivot;
mod identity_representation;
mod identity_sector_claims;
mod interaction_next_step;
mod keyring_policy;
mod keyring_seal_keys;
mod keyring_sweep;
