//! Tests of the domain, one file per subject.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own fixtures")]

mod audit_chain;
mod identity_assurance;
mod identity_directory_extract;
mod identity_national_id;
mod identity_sector_claims;
