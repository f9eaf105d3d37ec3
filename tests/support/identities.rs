//! The invented patients of `tests/data/identities.json`.

use sceau::identity::{InsEnvironment, Patient, PatientFileReader};
use serde_json::Value;

const FILE: &str = include_str!("../data/identities.json");

/// An invented patient.
pub(crate) struct Identity {
    /// What is odd about them.
    pub(crate) case: String,
    pub(crate) patient: Patient,
    /// `family_name` and `given_name_array` as the national register writes them, when that is otherwise.
    pub(crate) register: Option<(String, Value)>,
}

pub(crate) fn identities() -> Vec<Identity> {
    let entries: Vec<Value> = serde_json::from_str(FILE).unwrap();
    let mut reader = PatientFileReader::new(InsEnvironment::Test);
    let mut read = |entry: &Value| {
        let register = entry.get("register").map(|register| {
            (register["family_name"].as_str().unwrap().to_owned(), register["given_name_array"].clone())
        });
        let case = entry["case"].as_str().unwrap().to_owned();
        Identity { patient: reader.feed(&entry["patient"].to_string()).expect(&case), case, register }
    };
    entries.iter().map(&mut read).collect()
}

/// The patient whose reference is `reference`.
pub(crate) fn identity(reference: &str) -> Identity {
    identities().into_iter().find(|one| one.patient.reference.expose() == reference).unwrap()
}
