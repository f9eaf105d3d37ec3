//! The invented people of the simulated provider: the grown-up patients of the demonstration, as FranceConnect would know them.

use anyhow::Context as _;
use serde_json::{Map, Value};

use crate::base::sha256;
use crate::identity::{
    InsEnvironment, Patient, PatientClaim, PatientFileReader, PivotTraits, ReleasePolicy, claims_of_scopes,
    patient_claims,
};
use crate::oauth::ScopeSet;

/// Goes into every `sub`; the same at each start, so that links of kept data go on.
const SUBJECT_SALT: &str = "FranceConnect (simulé)";

/// Somebody who can be chosen on the page.
pub(super) struct Individual {
    /// The reference in the directory of patients: the value of the page's button.
    pub(super) reference: String,
    patient: Patient,
}

/// The people of `lines`, an import file of patients. Children have no account at FranceConnect.
pub(super) fn individuals(lines: &str) -> anyhow::Result<Vec<Individual>> {
    let mut reader = PatientFileReader::new(InsEnvironment::Test);
    let patients: Result<Vec<Patient>, _> = lines.lines().map(|line| reader.feed(line)).collect();
    let mut patients = patients.context("the sample patients")?;
    patients.retain(|patient| patient.guardians.is_empty());
    let individual =
        |patient: Patient| Individual { reference: patient.reference.expose().to_owned(), patient };
    Ok(patients.into_iter().map(individual).collect())
}

impl Individual {
    /// The traits of the civil register.
    pub(super) const fn traits(&self) -> &PivotTraits {
        self.patient.pivot.expose()
    }

    /// Hex SHA-256 and `v1`, of service and civil status: it changes when the civil status does.
    pub(super) fn subject(&self, client_id: &str) -> String {
        let traits = self.traits();
        let status = [
            traits.given_names.join(" "),
            traits.family_name.clone(),
            traits.birth_date.to_string(),
            traits.sex.as_str().to_owned(),
            traits.birth_place.as_ref().map_or_else(String::new, |place| place.as_str().to_owned()),
            traits.birth_country.as_str().to_owned(),
        ];
        let status = hex(&sha256(&[status.concat().as_bytes()]));
        format!("{}v1", hex(&sha256(&[client_id.as_bytes(), status.as_bytes(), SUBJECT_SALT.as_bytes()])))
    }

    /// The claims that `scopes` ask for, in FranceConnect's forms (OpenID Connect Core 5.4).
    pub(super) fn claims(&self, scopes: &ScopeSet) -> Map<String, Value> {
        let known = PatientClaim::ALL.into_iter().filter(|claim| *claim != PatientClaim::Ins);
        let wanted = claims_of_scopes(scopes);
        patient_claims(&self.patient, &wanted, &ReleasePolicy::of(known), InsEnvironment::Test)
    }
}

fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(u32::from(nibble), 16)).collect()
}
