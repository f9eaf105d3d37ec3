//! What an extract changes: one decision for each person, and whether the whole is believable.
//!
//! Not here: how persons and lines are found.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{PersonStatus, Professional};

/// Under this share, in percent, of the lines or persons of the last whole file, a file is taken for truncated.
const WHOLE_SHARE: u64 = 95;

/// What the extract holds of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InExtract {
    /// A record: the one that is stored, or another.
    Record {
        /// Whether it says what is stored.
        same: bool,
    },
    /// Lines of theirs, each refused: nothing can be said of the person.
    Refused,
    /// Nothing, or only professions that are left out.
    Absent,
}

/// What happens to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonChange {
    /// New to the store.
    Create,
    /// Their record changes.
    Update,
    /// They are in the directory again; the record changes with it.
    Reactivate,
    /// They left the directory.
    Deactivate,
    /// They stay as they are.
    Unchanged,
    /// They are not in the extract, and need not be: locked, or deactivated before.
    Gone,
}

/// Decides on one person. A locked person stays locked, in the directory or not: a lock is an officer's.
#[must_use]
pub const fn person_change(extract: InExtract, stored: Option<PersonStatus>) -> PersonChange {
    match (extract, stored) {
        (InExtract::Record { .. }, None) => PersonChange::Create,
        (InExtract::Record { .. }, Some(PersonStatus::Deactivated)) => PersonChange::Reactivate,
        (InExtract::Record { same: false }, Some(_)) => PersonChange::Update,
        (InExtract::Record { same: true } | InExtract::Refused, Some(_)) => PersonChange::Unchanged,
        (InExtract::Absent, Some(PersonStatus::Active)) => PersonChange::Deactivate,
        (InExtract::Refused | InExtract::Absent, None)
        | (InExtract::Absent, Some(PersonStatus::Locked | PersonStatus::Deactivated)) => PersonChange::Gone,
    }
}

/// Persons by what happens to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryCounts {
    /// New to the store.
    pub created: u64,
    /// Whose record changes, or who come back.
    pub updated: u64,
    /// Who left the directory.
    pub deactivated: u64,
    /// In the extract, and as they were.
    pub unchanged: u64,
}

impl DirectoryCounts {
    /// Counts one person.
    pub const fn add(&mut self, change: PersonChange) {
        let count = match change {
            PersonChange::Create => &mut self.created,
            PersonChange::Update | PersonChange::Reactivate => &mut self.updated,
            PersonChange::Deactivate => &mut self.deactivated,
            PersonChange::Unchanged => &mut self.unchanged,
            PersonChange::Gone => return,
        };
        *count = count.saturating_add(1);
    }

    /// How many persons change.
    #[must_use]
    pub const fn changed(&self) -> u64 {
        self.created.saturating_add(self.updated).saturating_add(self.deactivated)
    }

    /// Whether more than `percent` of the `stored` persons change. An empty store may be filled; 100 allows
    /// everything.
    #[must_use]
    pub const fn exceeds(&self, stored: u64, percent: u8) -> bool {
        stored > 0
            && percent < 100
            && self.changed().saturating_mul(100) > stored.saturating_mul(percent_of(percent))
    }
}

#[expect(clippy::as_conversions, reason = "`u64::from` is not const; this widens")]
const fn percent_of(percent: u8) -> u64 {
    percent as u64
}

/// How large a file was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractSize {
    /// Lines, header left out.
    pub lines: u64,
    /// Persons.
    pub persons: u64,
}

/// Whether a file seems to be all of the directory. Only then does absence mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wholeness {
    /// It does.
    #[default]
    Whole,
    /// Its last line has no end: it was cut.
    NoLastLineEnd,
    /// It has under 95 % of the lines or persons of the last whole one.
    Shorter,
}

impl Wholeness {
    /// Judges a file of `size` against the last `whole` one. `accept_shorter`: an operator says that it is whole
    /// though shorter, which nobody can say of a line that was cut.
    #[must_use]
    pub const fn judge(
        size: ExtractSize,
        line_end: bool,
        whole: Option<ExtractSize>,
        accept_shorter: bool,
    ) -> Self {
        if !line_end {
            return Self::NoLastLineEnd;
        }
        match whole {
            Some(last) if !accept_shorter && shorter(size, last) => Self::Shorter,
            Some(_) | None => Self::Whole,
        }
    }

    /// The verdict as a machine word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::NoLastLineEnd => "no_last_line_end",
            Self::Shorter => "shorter",
        }
    }
}

impl fmt::Display for Wholeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "the file is whole",
            Self::NoLastLineEnd => "the last line has no line end: the file was cut",
            Self::Shorter => "the file has under 95 % of the lines or persons of the last whole one",
        })
    }
}

const fn shorter(size: ExtractSize, last: ExtractSize) -> bool {
    under(size.lines, last.lines) || under(size.persons, last.persons)
}

const fn under(count: u64, last: u64) -> bool {
    count.saturating_mul(100) < last.saturating_mul(WHOLE_SHARE)
}

/// Drops the exercises of `excluded` professions (codes of `TRE_G15`). None when nothing is left.
#[must_use]
pub fn without_professions(mut person: Professional, excluded: &[String]) -> Option<Professional> {
    person.exercises.retain(|exercise| !excluded.contains(&exercise.profession));
    (!person.exercises.is_empty()).then_some(person)
}
