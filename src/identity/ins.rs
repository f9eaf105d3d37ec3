//! The national health identity of a patient (INS): matricule, key and OID.
//!
//! "Référentiel identifiant national de santé" and the agency's "modèle des objets de santé": the matricule is a
//! NIR or a NIA and means nothing without the OID of its register. No HL7 form is read or written here, and
//! sex and birth date are not compared with the digits: the register may correct either alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::Secret;

const NUMBER: usize = 13;
const WHOLE: usize = 15;

/// A matricule with its key and the register it comes from. Redacted in `Debug`, without `Display`, wiped when
/// dropped, shown only by [`Ins::expose`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredIns", into = "StoredIns")]
pub struct Ins {
    matricule: Secret,
    oid: InsOid,
}

/// The register of a matricule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InsOid {
    /// NIR, production.
    #[serde(rename = "1.2.250.1.213.1.4.8")]
    Nir,
    /// NIA: the number of people waiting for a NIR, production.
    #[serde(rename = "1.2.250.1.213.1.4.9")]
    Nia,
    /// NIR, test.
    #[serde(rename = "1.2.250.1.213.1.4.10")]
    NirTest,
    /// NIR, demonstration.
    #[serde(rename = "1.2.250.1.213.1.4.11")]
    NirDemo,
}

/// Which registers an installation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InsEnvironment {
    /// Real people: NIR and NIA.
    Production,
    /// Invented people: test and demonstration numbers.
    Test,
}

/// How far an identity is proved ("référentiel national d'identitovigilance").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InsStatus {
    /// "Provisoire": neither asked of the register nor checked with a document.
    Provisional,
    /// "Récupérée": given by the register, not checked with a document.
    Retrieved,
    /// "Validée": checked with a document, not given by the register.
    Validated,
    /// "Qualifiée": given by the register and checked with a document.
    Qualified,
}

/// Why a text is not a matricule. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InsError {
    /// Not 13 characters and a key of two digits.
    #[error("not 13 characters and a key of 2 digits")]
    Length,
    /// Something else than digits, and `2A` or `2B` as department.
    #[error("not digits, with 2A or 2B as department at most")]
    Character,
    /// The first digit is none of 1, 2, 3, 4, 7, 8.
    #[error("the first digit is none of 1, 2, 3, 4, 7, 8")]
    FirstDigit,
    /// The month is neither 01 to 12 nor 20 or above.
    #[error("the month is neither 01 to 12 nor 20 or above")]
    Month,
    /// The key is not that of the 13 characters.
    #[error("the key is wrong")]
    Key,
    /// The OID is none of the four registers.
    #[error("not the OID of an INS register")]
    Oid,
}

impl Ins {
    /// Reads the 15 characters of a matricule and its key, without blanks.
    ///
    /// Temporary and waiting numbers (first digit 3, 4, 7, 8) and months of 20 and above (unknown or special)
    /// are taken.
    ///
    /// # Errors
    /// [`InsError`].
    pub fn parse(matricule: &str, oid: InsOid) -> Result<Self, InsError> {
        if matricule.len() != WHOLE {
            return Err(InsError::Length);
        }
        let (number, key) = matricule.split_at_checked(NUMBER).ok_or(InsError::Character)?;
        let right = key_of(number)?;
        if !number.starts_with(['1', '2', '3', '4', '7', '8']) {
            return Err(InsError::FirstDigit);
        }
        let month = number.get(3..5).and_then(|month| month.parse::<u8>().ok());
        if !month.is_some_and(|month| (1..=12).contains(&month) || month >= 20) {
            return Err(InsError::Month);
        }
        if key.parse() != Ok(right) || !key.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InsError::Key);
        }
        Ok(Self { matricule: Secret::new(matricule.to_owned()), oid })
    }

    /// The 15 characters. Every call is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.matricule.expose()
    }

    /// The register.
    #[must_use]
    pub const fn oid(&self) -> InsOid {
        self.oid
    }

    /// Whether this matricule belongs in `environment`: test numbers never in production, nor the reverse.
    #[must_use]
    pub const fn accepted_in(&self, environment: InsEnvironment) -> bool {
        match self.oid {
            InsOid::Nir | InsOid::Nia => matches!(environment, InsEnvironment::Production),
            InsOid::NirTest | InsOid::NirDemo => matches!(environment, InsEnvironment::Test),
        }
    }
}

impl InsOid {
    const ALL: [Self; 4] = [Self::Nir, Self::Nia, Self::NirTest, Self::NirDemo];

    /// The OID in dotted form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nir => "1.2.250.1.213.1.4.8",
            Self::Nia => "1.2.250.1.213.1.4.9",
            Self::NirTest => "1.2.250.1.213.1.4.10",
            Self::NirDemo => "1.2.250.1.213.1.4.11",
        }
    }

    /// Reads an OID in dotted form.
    ///
    /// # Errors
    /// [`InsError::Oid`], also for the former INS-C (`….2`).
    pub fn parse(text: &str) -> Result<Self, InsError> {
        Self::ALL.into_iter().find(|oid| oid.as_str() == text).ok_or(InsError::Oid)
    }
}

impl InsStatus {
    const ALL: [Self; 4] = [Self::Provisional, Self::Retrieved, Self::Validated, Self::Qualified];

    /// The status as stored and as claimed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Retrieved => "retrieved",
            Self::Validated => "validated",
            Self::Qualified => "qualified",
        }
    }

    /// The status written `text`; none when unknown.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the register gave this identity, and with it a matricule.
    #[must_use]
    pub const fn has_matricule(self) -> bool {
        matches!(self, Self::Retrieved | Self::Qualified)
    }
}

impl fmt::Debug for Ins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ins([redacted])")
    }
}

/// The form at rest, before sealing.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredIns {
    matricule: String,
    oid: InsOid,
}

impl TryFrom<StoredIns> for Ins {
    type Error = InsError;

    fn try_from(stored: StoredIns) -> Result<Self, InsError> {
        Self::parse(&stored.matricule, stored.oid)
    }
}

impl From<Ins> for StoredIns {
    fn from(ins: Ins) -> Self {
        Self { matricule: ins.expose().to_owned(), oid: ins.oid }
    }
}

/// 97 − (N mod 97), the departments of Corsica counting as 19 and 18.
fn key_of(number: &str) -> Result<u64, InsError> {
    let (before, rest) = number.split_at_checked(5).ok_or(InsError::Character)?;
    let (department, after) = rest.split_at_checked(2).ok_or(InsError::Character)?;
    let department = match department {
        "2A" => "19",
        "2B" => "18",
        other => other,
    };
    let mut digits = before.bytes().chain(department.bytes()).chain(after.bytes());
    let value = digits
        .try_fold(0_u64, |value, b| b.is_ascii_digit().then(|| value * 10 + u64::from(b - b'0')))
        .ok_or(InsError::Character)?;
    Ok(97 - value % 97)
}
