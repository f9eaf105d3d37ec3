//! A patient of the directory.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Guardianship, Ins, InsEnvironment, InsStatus, Pivot};

/// A patient. Redacted in `Debug` as a whole.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    /// The key of the record in the directory that feeds this one.
    pub reference: PatientRef,
    /// The traits of the civil register.
    pub pivot: Pivot,
    /// The national health identity.
    pub ins: Option<Ins>,
    /// How far the identity is proved.
    pub ins_status: InsStatus,
    /// The family name in use, when it is not that of birth.
    pub used_family_name: Option<String>,
    /// The first name in use, when it is not the first one of birth.
    pub used_given_name: Option<String>,
    /// As the patient gave it to the directory; never invented.
    pub email: Option<String>,
    /// As the patient gave it to the directory.
    pub phone: Option<String>,
    /// Whether the register tells a death: nobody acts as, or for, this person any more.
    pub deceased: bool,
    /// Who may act for this person.
    pub guardians: Vec<Guardianship>,
}

impl Patient {
    /// First name and family name in use.
    #[must_use]
    pub fn spoken_name(&self) -> String {
        let traits = self.pivot.expose();
        let first = traits.given_names.first().map_or("", String::as_str);
        let given = self.used_given_name.as_deref().unwrap_or(first);
        let family = self.used_family_name.as_deref().unwrap_or(&traits.family_name);
        format!("{given} {family}")
    }

    /// The matricule that may leave for a client: that of a qualified identity, of a register of `environment`.
    #[must_use]
    pub fn releasable_ins(&self, environment: InsEnvironment) -> Option<&Ins> {
        let qualified = self.ins_status == InsStatus::Qualified;
        self.ins.as_ref().filter(|ins| qualified && ins.accepted_in(environment))
    }
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient([redacted])")
    }
}

/// The key of a patient in the directory that feeds this one: 1 to 64 characters of `A-Z a-z 0-9 . _ -`, never shaped
/// like a matricule. Redacted in `Debug`: it names somebody elsewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PatientRef(String);

/// The text is not a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatientRefError {
    /// Empty, too long, or another character.
    #[error("not 1 to 64 characters of A-Z a-z 0-9 . _ -")]
    Malformed,
    /// 13 or 15 digits: an identity number must not serve as a key.
    #[error("shaped like an identity number")]
    IdentityNumber,
}

impl PatientRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// [`PatientRefError`].
    pub fn parse(text: &str) -> Result<Self, PatientRefError> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if !(1..=64).contains(&text.len()) || !text.bytes().all(legal) {
            return Err(PatientRefError::Malformed);
        }
        let digits = text.bytes().filter(u8::is_ascii_alphanumeric).count();
        let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
        if matches!(digits, 13 | 15) && letters <= 1 {
            return Err(PatientRefError::IdentityNumber);
        }
        Ok(Self(text.to_owned()))
    }

    /// The reference itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PatientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientRef([redacted])")
    }
}

impl TryFrom<String> for PatientRef {
    type Error = PatientRefError;

    fn try_from(text: String) -> Result<Self, PatientRefError> {
        Self::parse(&text)
    }
}

impl From<PatientRef> for String {
    fn from(reference: PatientRef) -> Self {
        reference.0
    }
}
