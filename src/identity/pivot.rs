//! The "identité pivot": the traits of the civil register that tell one person from another.
//!
//! `FranceConnect`'s claims `family_name`, `given_name_array`, `gender`, `birthdate`, `birthplace`, `birthcountry`. How
//! two of them are compared is in `federation::names`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BirthDate, CogCommune, CogCountry};

/// The most characters of a name.
pub const MAX_NAME: usize = 256;
/// The most first names of a person.
pub const MAX_GIVEN_NAMES: usize = 32;

/// Traits as read, not yet checked together.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PivotTraits {
    /// The family name at birth.
    pub family_name: String,
    /// All first names at birth, in the register's order.
    pub given_names: Vec<String>,
    /// Sex.
    pub sex: Sex,
    /// Birth date.
    pub birth_date: BirthDate,
    /// Commune of birth, of people born in France.
    pub birth_place: Option<CogCommune>,
    /// Country of birth.
    pub birth_country: CogCountry,
}

/// Checked traits of one person. Redacted in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PivotTraits", into = "PivotTraits")]
pub struct Pivot(PivotTraits);

/// Sex in the civil register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// `female`.
    Female,
    /// `male`.
    Male,
    /// `unspecified`.
    Unspecified,
}

/// Which trait is wrong. Never holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PivotError {
    /// The family name is empty, too long, without a letter, or has a control character.
    #[error("family name")]
    FamilyName,
    /// A first name is, or there is none, or too many.
    #[error("first names")]
    GivenNames,
    /// Born in France without a commune.
    #[error("birth place missing for a birth in France")]
    PlaceMissing,
    /// Born abroad with a commune.
    #[error("birth place given for a birth abroad")]
    PlaceAbroad,
}

impl Pivot {
    /// Checks traits together.
    ///
    /// # Errors
    /// [`PivotError`]: a commune is present exactly when the country is France.
    pub fn new(traits: PivotTraits) -> Result<Self, PivotError> {
        if !is_name(&traits.family_name) {
            return Err(PivotError::FamilyName);
        }
        let given = &traits.given_names;
        if given.is_empty() || given.len() > MAX_GIVEN_NAMES || !given.iter().all(|name| is_name(name)) {
            return Err(PivotError::GivenNames);
        }
        match (traits.birth_country.is_france(), traits.birth_place.is_some()) {
            (true, false) => Err(PivotError::PlaceMissing),
            (false, true) => Err(PivotError::PlaceAbroad),
            _ => Ok(Self(traits)),
        }
    }

    /// The traits. Every call is a place to review.
    #[must_use]
    pub const fn expose(&self) -> &PivotTraits {
        &self.0
    }
}

impl Sex {
    const ALL: [Self; 3] = [Self::Female, Self::Male, Self::Unspecified];

    /// The `gender` claim.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
            Self::Unspecified => "unspecified",
        }
    }

    /// The sex written `text`; none when unknown.
    #[must_use]
    pub fn from_claim(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sex| sex.as_str() == text)
    }
}

/// Whether `text` can be a name: 1 to 256 characters, no control character, no blank at either end, and one Latin letter
/// at least (up to U+024F), as every name of the register has. So no name is empty once normalised.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let latin = |c: char| c.is_alphabetic() && u32::from(c) <= 0x24F;
    let length = text.chars().count();
    (1..=MAX_NAME).contains(&length)
        && !text.chars().any(char::is_control)
        && text.trim() == text
        && text.chars().any(latin)
}

impl fmt::Debug for Pivot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pivot([redacted])")
    }
}

impl fmt::Debug for PivotTraits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PivotTraits([redacted])")
    }
}

impl fmt::Debug for Sex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sex([redacted])")
    }
}

impl TryFrom<PivotTraits> for Pivot {
    type Error = PivotError;

    fn try_from(traits: PivotTraits) -> Result<Self, PivotError> {
        Self::new(traits)
    }
}

impl From<Pivot> for PivotTraits {
    fn from(pivot: Pivot) -> Self {
        pivot.0
    }
}
