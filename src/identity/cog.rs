//! Places of the "code officiel géographique" (INSEE): communes and countries, by their form.
//!
//! The tables themselves are not here: communes merge, countries change their name, and a birth certificate keeps
//! the code it was given.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A commune: five characters, `2A` and `2B` for Corsica. Redacted in `Debug`: it is a trait of somebody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CogCommune(String);

/// A country: five digits that begin with 99. Redacted in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CogCountry(String);

/// The text is not a code of this table's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a geographic code")]
pub struct CogError;

impl CogCommune {
    /// Reads a code: `^(?:2[AB]|[0-9]{2})[0-9]{3}$`.
    ///
    /// # Errors
    /// [`CogError`].
    pub fn parse(text: &str) -> Result<Self, CogError> {
        let (department, rest) = text.split_at_checked(2).ok_or(CogError)?;
        let legal =
            (matches!(department, "2A" | "2B") || digits(department)) && rest.len() == 3 && digits(rest);
        legal.then(|| Self(text.to_owned())).ok_or(CogError)
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CogCountry {
    /// The code of France.
    pub const FRANCE: &'static str = "99100";

    /// Reads a code: `^99[0-9]{3}$`.
    ///
    /// # Errors
    /// [`CogError`].
    pub fn parse(text: &str) -> Result<Self, CogError> {
        let legal = text.strip_prefix("99").is_some_and(|rest| rest.len() == 3 && digits(rest));
        legal.then(|| Self(text.to_owned())).ok_or(CogError)
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is France.
    #[must_use]
    pub fn is_france(&self) -> bool {
        self.0 == Self::FRANCE
    }
}

impl fmt::Debug for CogCommune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CogCommune([redacted])")
    }
}

impl fmt::Debug for CogCountry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CogCountry([redacted])")
    }
}

impl TryFrom<String> for CogCommune {
    type Error = CogError;

    fn try_from(text: String) -> Result<Self, CogError> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for CogCountry {
    type Error = CogError;

    fn try_from(text: String) -> Result<Self, CogError> {
        Self::parse(&text)
    }
}

impl From<CogCommune> for String {
    fn from(code: CogCommune) -> Self {
        code.0
    }
}

impl From<CogCountry> for String {
    fn from(code: CogCountry) -> Self {
        code.0
    }
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}
