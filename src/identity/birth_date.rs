//! The birth date of the civil register, with its forms for presumed dates.
//!
//! `FranceConnect`'s `birthdate`: `YYYY-MM-DD`; `YYYY-MM-00` when the day is unknown, `YYYY-00-00` when the month
//! is too. Other calendars are not read.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A birth date. Two are equal only when written alike: a presumed date equals no full date. Redacted in `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BirthDate {
    year: i16,
    /// 0 when unknown.
    month: i8,
    /// 0 when unknown.
    day: i8,
}

/// The text is not a birth date: another form, or a day that never was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a birth date")]
pub struct BirthDateError;

impl BirthDate {
    /// Reads one of the three forms.
    ///
    /// # Errors
    /// [`BirthDateError`], also for the year 0000 and for a day without its month.
    pub fn parse(text: &str) -> Result<Self, BirthDateError> {
        let mut parts = text.split('-');
        let year = number(parts.next(), 4)?;
        let month = i8::try_from(number(parts.next(), 2)?).map_err(|_| BirthDateError)?;
        let day = i8::try_from(number(parts.next(), 2)?).map_err(|_| BirthDateError)?;
        let date = Self { year, month, day };
        if parts.next().is_some() || year == 0 || (month == 0 && day != 0) || date.earliest().is_none() {
            return Err(BirthDateError);
        }
        Ok(date)
    }

    /// The year, which is always known.
    #[must_use]
    pub const fn year(&self) -> i16 {
        self.year
    }

    /// Whether day or month is unknown.
    #[must_use]
    pub const fn is_presumed(&self) -> bool {
        self.day == 0
    }

    /// Whether the person is surely younger than `age` years on `today`: a presumed date counts from the first
    /// day it may be.
    #[must_use]
    pub fn surely_under(&self, age: i16, today: Date) -> bool {
        let Some(earliest) = self.earliest() else { return false };
        let anniversary = (self.year.saturating_add(age), earliest.month(), earliest.day());
        (today.year(), today.month(), today.day()) < anniversary
    }

    /// The first day that the date may be; none when it never was.
    fn earliest(self) -> Option<Date> {
        Date::new(self.year, self.month.max(1), self.day.max(1)).ok()
    }
}

impl fmt::Display for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate([redacted])")
    }
}

impl TryFrom<String> for BirthDate {
    type Error = BirthDateError;

    fn try_from(text: String) -> Result<Self, BirthDateError> {
        Self::parse(&text)
    }
}

impl From<BirthDate> for String {
    fn from(date: BirthDate) -> Self {
        date.to_string()
    }
}

fn number(part: Option<&str>, width: usize) -> Result<i16, BirthDateError> {
    let part = part.filter(|part| part.len() == width && part.bytes().all(|b| b.is_ascii_digit()));
    part.and_then(|part| part.parse().ok()).ok_or(BirthDateError)
}
