//! The national identifier of a professional (`idNat_PS`, OID 1.2.250.1.71.4.2.1): its forms and their check.
//!
//! Known forms: type digit and identifier (ANS "modèle des objets de santé", `Professionnel`), and the two
//! forms met at Pro Santé Connect (UUID, `ANS` and a timestamp). The secure-mail form (`10` and an address)
//! is not taken.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

const MAX_LENGTH: usize = 64;

/// The national identifier of a professional. Public in law, but never logged: redacted in `Debug`, without
/// `Display`, shown only by [`NationalId::expose`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NationalId {
    text: String,
    kind: NationalIdKind,
}

/// Which register the identifier belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NationalIdKind {
    /// `8` and the 11 digits of the RPPS.
    Rpps,
    /// `0` and the 9 characters of the former ADELI register.
    Adeli,
    /// `1`, an ADELI practice (11 characters), `/` and the practice's own number.
    AdeliPractice,
    /// `3`, a FINESS (9 characters), `/` and the structure's own number.
    Finess,
    /// `4`, a SIREN (9 digits), `/` and the structure's own number.
    Siren,
    /// `5`, a SIRET (14 digits), `/` and the structure's own number.
    Siret,
    /// `6`, an RPPS practice (14 digits), `/` and the practice's own number.
    RppsPractice,
    /// A UUID given by Pro Santé Connect (origin `PSI`).
    Uuid,
    /// `ANS` and a timestamp of 14 digits, made by the EDIT test tool.
    Edit,
}

/// Why a text is not a national identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NationalIdError {
    /// Eleven digits: an RPPS number typed without the `8` in front.
    #[error("the digit 8 is missing in front of the 11 digits of the RPPS number")]
    MissingTypeDigit,
    /// More than 64 characters.
    #[error("longer than 64 characters")]
    TooLong,
    /// None of the known forms.
    #[error("not a national identifier")]
    Malformed,
}

impl NationalId {
    /// Reads an identifier in one of the known forms, exactly as written (no blanks, no other case).
    ///
    /// # Errors
    /// [`NationalIdError`]; eleven digits have their own, because it is the usual typing mistake.
    pub fn parse(text: &str) -> Result<Self, NationalIdError> {
        if text.len() > MAX_LENGTH {
            return Err(NationalIdError::TooLong);
        }
        if digits(text, 11) {
            return Err(NationalIdError::MissingTypeDigit);
        }
        let kind = kind_of(text).ok_or(NationalIdError::Malformed)?;
        Ok(Self { text: text.to_owned(), kind })
    }

    /// The identifier itself, as in `SubjectNameID`. Every call is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Which register the identifier belongs to.
    #[must_use]
    pub const fn kind(&self) -> NationalIdKind {
        self.kind
    }

    /// Whether this is an RPPS number whose 11 digits fail their Luhn key. A warning only: numbers printed
    /// in the agency's own documents fail it.
    #[must_use]
    pub fn luhn_warning(&self) -> bool {
        self.kind == NationalIdKind::Rpps && self.text.strip_prefix('8').is_some_and(|rpps| !luhn(rpps))
    }
}

impl NationalIdKind {
    /// The `origine` of `otherIds` for identifiers of this kind. `RPPS`, `PSI` and `EDIT` are those seen at
    /// Pro Santé Connect; the others are the registers' names.
    #[must_use]
    pub const fn origin(self) -> &'static str {
        match self {
            Self::Rpps | Self::RppsPractice => "RPPS",
            Self::Adeli | Self::AdeliPractice => "ADELI",
            Self::Finess => "FINESS",
            Self::Siren => "SIREN",
            Self::Siret => "SIRET",
            Self::Uuid => "PSI",
            Self::Edit => "EDIT",
        }
    }
}

impl fmt::Debug for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NationalId([redacted])")
    }
}

impl TryFrom<String> for NationalId {
    type Error = NationalIdError;

    fn try_from(text: String) -> Result<Self, NationalIdError> {
        Self::parse(&text)
    }
}

impl From<NationalId> for String {
    fn from(id: NationalId) -> Self {
        id.text
    }
}

fn kind_of(text: &str) -> Option<NationalIdKind> {
    if is_uuid(text) {
        return Some(NationalIdKind::Uuid);
    }
    if let Some(timestamp) = text.strip_prefix("ANS") {
        return digits(timestamp, 14).then_some(NationalIdKind::Edit);
    }
    if let Some((owner, internal)) = text.split_once('/') {
        return is_internal(internal).then(|| kind_of_owner(owner)).flatten();
    }
    if let Some(rpps) = text.strip_prefix('8') {
        return digits(rpps, 11).then_some(NationalIdKind::Rpps);
    }
    text.strip_prefix('0').filter(|adeli| register(adeli, 9)).map(|_| NationalIdKind::Adeli)
}

fn kind_of_owner(owner: &str) -> Option<NationalIdKind> {
    let mut rest = owner.chars();
    let type_digit = rest.next()?;
    let id = rest.as_str();
    let (legal, kind) = match type_digit {
        '1' => (register(id, 11), NationalIdKind::AdeliPractice),
        '3' => (register(id, 9), NationalIdKind::Finess),
        '4' => (digits(id, 9), NationalIdKind::Siren),
        '5' => (digits(id, 14), NationalIdKind::Siret),
        '6' => (digits(id, 14), NationalIdKind::RppsPractice),
        _ => return None,
    };
    legal.then_some(kind)
}

/// One identifier, one spelling: lower case with hyphens.
fn is_uuid(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|uuid| uuid.hyphenated().to_string() == text)
}

fn is_internal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit())
}

/// ADELI and FINESS numbers carry letters for Corsica, and in test data.
fn register(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// ISO/IEC 7812-1, annex B.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .zip([1, 2].into_iter().cycle())
        .map(|(digit, weight)| digit * weight)
        .map(|product| product / 10 + product % 10)
        .sum();
    sum.is_multiple_of(10)
}
