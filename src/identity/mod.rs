//! Layer 3: who a subject is: national identifier, sector identity, and the assurance of an authentication.
//!
//! Pure values and decisions. Storage, sealing and the directory's transport are above.

mod adeli_changes;
mod assurance;
mod directory_cells;
mod directory_change;
mod directory_extract;
mod directory_layout;
mod national_id;
mod person;
mod professional;
mod sector_claims;

pub use adeli_changes::{IdentifierChange, parse_adeli_change};
pub use assurance::{
    AMR_PHONE, Acr, AcrError, AcrRequest, AssurancePolicy, AssuranceTerms, AuthMode, AuthenticationProof,
    MAX_ACR_VALUES, Way, parse_acr_values,
};
pub use directory_change::{
    DirectoryCounts, ExtractSize, InExtract, PersonChange, Wholeness, person_change, without_professions,
};
pub use directory_extract::{ExtractLine, ExtractReader, fold, parse_line, whose_line};
pub use directory_layout::{COLUMNS, LineError, LineReason, check_header, header};
pub use national_id::{NationalId, NationalIdError, NationalIdKind};
pub use person::{Person, PersonStatus};
pub use professional::{Activity, Exercise, OtherId, Professional};
pub use sector_claims::{SectorSettings, sector_claims};
