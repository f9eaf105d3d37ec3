//! Layer 3: who a subject is: a professional or a patient, and the assurance of an authentication.
//!
//! Pure values and decisions. Storage, sealing and the directory's transport are above.

mod adeli_changes;
mod assurance;
mod birth_date;
mod cog;
mod contact;
mod directory_cells;
mod directory_change;
mod directory_extract;
mod directory_layout;
mod hub_identity;
mod ins;
mod national_id;
mod patient;
mod patient_claims;
mod patient_file;
mod patient_line;
mod person;
mod pivot;
mod professional;
mod representation;
mod sector_claims;
mod upstream_session;

pub use adeli_changes::{IdentifierChange, parse_adeli_change};
pub use assurance::{
    AMR_PHONE, Acr, AcrError, AcrRequest, AssurancePolicy, AssuranceTerms, AuthMode, AuthenticationProof,
    MAX_ACR_VALUES, Way, parse_acr_values,
};
pub use birth_date::{BirthDate, BirthDateError};
pub use cog::{CogCommune, CogCountry, CogError};
pub use contact::{EmailFault, is_email, is_phone, typed_email};
pub use directory_change::{
    DirectoryCounts, ExtractSize, InExtract, PersonChange, Wholeness, person_change, without_professions,
};
pub use directory_extract::{ExtractLine, ExtractReader, fold, parse_line, whose_line};
pub use directory_layout::{COLUMNS, LineError, LineReason, check_header, header};
pub use hub_identity::{HubRefusal, hub_refusal};
pub use ins::{Ins, InsEnvironment, InsError, InsOid, InsStatus};
pub use national_id::{NationalId, NationalIdError, NationalIdKind};
pub use patient::{Patient, PatientRef, PatientRefError};
pub use patient_claims::{PatientClaim, ReleasePolicy, claims_of_scopes, patient_claims};
pub use patient_file::{PatientFileError, PatientFileReader, PatientFileReason};
pub use person::{Contacts, Identity, Person, PersonStatus};
pub use pivot::{MAX_GIVEN_NAMES, MAX_NAME, Pivot, PivotError, PivotTraits, Sex, is_name};
pub use professional::{Activity, Exercise, OtherId, Professional};
pub use representation::{
    AGE_OF_OWN_ACCOUNT, GuardianKind, Guardianship, OnBehalf, RepresentationRefusal, may_represent,
    on_behalf_claims,
};
pub use sector_claims::{SectorSettings, sector_claims};
pub use upstream_session::UpstreamSession;
