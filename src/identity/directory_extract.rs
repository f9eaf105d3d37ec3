//! The daily extract of the directory of professionals: line → activity → professional.
//!
//! One line per person and activity, `|` after each column, no quoting, the empty string for absent data.
//! Birth data is checked for its form and dropped. Not here: decompression, UTF-8 decoding, the comparison
//! with what is stored.

use std::collections::HashMap;

use super::contact::is_email;
use super::directory_cells::{is_date, is_phone};
use super::directory_layout::{LineError, LineReason, cells, check_header};
use super::{Activity, Exercise, NationalId, NationalIdKind, Professional};

const MAX_CELL: usize = 512;
const MAX_GIVEN_NAMES: usize = 3;

/// One line of the extract: a person at one place of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractLine {
    person: Professional,
    exercise: Exercise,
    activity: Activity,
}

impl ExtractLine {
    /// Whose line it is.
    #[must_use]
    pub const fn national_id(&self) -> &NationalId {
        &self.person.national_id
    }
}

/// Reads an extract line by line, counting lines and taking the first one as the header.
#[derive(Debug, Default)]
pub struct ExtractReader {
    lines_read: u64,
}

impl ExtractReader {
    /// A reader at the start of a file.
    #[must_use]
    pub const fn new() -> Self {
        Self { lines_read: 0 }
    }

    /// Reads the next line, given without its line end. The header gives none. After an error on a later
    /// line the reader can go on, so that all errors of a file can be told at once.
    ///
    /// # Errors
    /// [`LineError`] with the number of this line.
    pub fn feed(&mut self, line: &str) -> Result<Option<ExtractLine>, LineError> {
        self.lines_read = self.lines_read.saturating_add(1);
        if self.lines_read == 1 {
            return check_header(line).map(|()| None);
        }
        parse_line(self.lines_read, line).map(Some)
    }
}

/// Reads one line, given without its line end. `line_number` counts from 1, the header included.
///
/// # Errors
/// [`LineError`] for the first thing wrong, without the value.
pub fn parse_line(line_number: u64, line: &str) -> Result<ExtractLine, LineError> {
    let mut cursor = Cursor::new(line_number, line)?;
    Ok(ExtractLine {
        person: person(&mut cursor)?,
        exercise: exercise(&mut cursor),
        activity: activity(&mut cursor),
    })
}

/// Whose line this may be, though it is refused: what its first three columns say, where they say an identifier.
#[must_use]
pub fn whose_line(line: &str) -> Vec<NationalId> {
    let mut cells = line.split('|');
    let [type_digit, identifier, national] = [(); 3].map(|()| cells.next().unwrap_or_default());
    let mut persons: Vec<NationalId> = [national, &format!("{type_digit}{identifier}")]
        .into_iter()
        .filter_map(|text| NationalId::parse(text).ok())
        .collect();
    persons.dedup();
    persons
}

/// Folds lines into one professional per national identifier, one exercise per profession and category, one
/// activity per place. Order is that of first appearance; a person's lines need not be adjacent. Where the
/// lines of a person differ, the first one that says something is believed.
#[must_use]
pub fn fold(lines: impl IntoIterator<Item = ExtractLine>) -> Vec<Professional> {
    let mut people: Vec<Professional> = Vec::new();
    let mut place_of: HashMap<NationalId, usize> = HashMap::new();
    for ExtractLine { person, exercise, activity } in lines {
        let place = place_of.get(&person.national_id).copied();
        if let Some(known) = place.and_then(|place| people.get_mut(place)) {
            known.email = known.email.take().or(person.email);
            known.phone = known.phone.take().or(person.phone);
            add(known, exercise, activity);
        } else {
            let mut person = person;
            add(&mut person, exercise, activity);
            place_of.insert(person.national_id.clone(), people.len());
            people.push(person);
        }
    }
    people
}

fn add(person: &mut Professional, mut exercise: Exercise, activity: Activity) {
    let same = |known: &&mut Exercise| {
        known.profession == exercise.profession && known.category == exercise.category
    };
    if let Some(known) = person.exercises.iter_mut().find(same) {
        add_activity(known, activity);
    } else {
        add_activity(&mut exercise, activity);
        person.exercises.push(exercise);
    }
}

fn add_activity(exercise: &mut Exercise, activity: Activity) {
    if activity != Activity::default() && !exercise.activities.contains(&activity) {
        exercise.activities.push(activity);
    }
}

/// Columns 1 to 13.
fn person(cursor: &mut Cursor<'_>) -> Result<Professional, LineError> {
    let national_id = identifiers(cursor)?;
    let family_name = cursor.required()?.to_owned();
    let given_names = given_names(cursor)?;
    let birth_date = cursor.next();
    cursor.check(birth_date.is_empty() || is_date(birth_date), LineReason::Date)?;
    cursor.skip(4); // commune, country and place of birth, sex
    let phone = optional(cursor.next());
    cursor.check(phone.as_deref().is_none_or(is_phone), LineReason::Phone)?;
    let email = optional(cursor.next());
    cursor.check(email.as_deref().is_none_or(is_email), LineReason::Email)?;
    let civility = cursor.text();
    let (other_ids, exercises) = (Vec::new(), Vec::new());
    Ok(Professional { national_id, family_name, given_names, other_ids, civility, exercises, email, phone })
}

fn identifiers(cursor: &mut Cursor<'_>) -> Result<NationalId, LineError> {
    if let Some(id) = test_identity(cursor) {
        cursor.next();
        let identifier = cursor.next();
        cursor.check(id.expose().ends_with(identifier), LineReason::IdentifierMismatch)?;
        cursor.next();
        return Ok(id);
    }
    let type_digit = cursor.required()?;
    let known = matches!(type_digit, "0" | "1" | "3" | "4" | "5" | "6" | "8");
    cursor.check(known, LineReason::IdentifierType)?;
    let identifier = cursor.required()?;
    let national = cursor.required()?;
    let repeats = national.strip_prefix(type_digit) == Some(identifier);
    cursor.check(repeats, LineReason::IdentifierMismatch)?;
    NationalId::parse(national).map_err(|_| cursor.error(LineReason::NationalId))
}

/// A test identity (UUID, `ANS…`) has no type digit in front: what the first column says does not matter.
fn test_identity(cursor: &Cursor<'_>) -> Option<NationalId> {
    let id = NationalId::parse(cursor.rest.as_slice().get(2)?).ok()?;
    matches!(id.kind(), NationalIdKind::Uuid | NationalIdKind::Edit).then_some(id)
}

/// Up to three first names separated by `'`; the missing ones leave their separators (`Bernadette''`).
fn given_names(cursor: &mut Cursor<'_>) -> Result<Vec<String>, LineError> {
    let text = cursor.next().trim_end_matches('\'');
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = text.split('\'').map(str::to_owned).collect();
    let legal = names.len() <= MAX_GIVEN_NAMES && names.iter().all(|name| !name.trim().is_empty());
    cursor.check(legal, LineReason::GivenNames)?;
    Ok(names)
}

/// Columns 14 to 20.
fn exercise(cursor: &mut Cursor<'_>) -> Exercise {
    Exercise {
        profession: cursor.text(),
        category: cursor.text(),
        title: cursor.text(),
        family_name: cursor.text(),
        given_name: cursor.text(),
        know_how_type: cursor.text(),
        know_how: cursor.text(),
        activities: Vec::new(),
    }
}

/// Columns 21 to 49.
fn activity(cursor: &mut Cursor<'_>) -> Activity {
    Activity {
        mode: cursor.text(),
        sector: cursor.text(),
        pharmacist_section: cursor.text(),
        role: cursor.text(),
        genre: String::new(),
        siret: cursor.text(),
        siren: cursor.text(),
        finess: cursor.text(),
        legal_finess: cursor.text(),
        structure_id: cursor.text(),
        structure_name: cursor.text(),
        trade_name: cursor.text(),
        addressee: cursor.text(),
        place_detail: cursor.text(),
        street_number: cursor.text(),
        street_number_suffix: cursor.text(),
        street_type: cursor.text(),
        street_name: cursor.text(),
        delivery_note: cursor.text(),
        post_office: cursor.text(),
        postal_code: cursor.text(),
        commune_code: cursor.text(),
        country_code: cursor.text(),
        phone: cursor.text(),
        second_phone: cursor.text(),
        fax: cursor.text(),
        email: cursor.text(),
        department_code: cursor.text(),
        former_structure_id: cursor.text(),
        registration_authority: cursor.text(),
    }
}

/// The cells of a line, taken from left to right.
struct Cursor<'a> {
    line: u64,
    column: usize,
    rest: std::array::IntoIter<&'a str, 49>,
}

impl<'a> Cursor<'a> {
    fn new(line: u64, text: &'a str) -> Result<Self, LineError> {
        let cells = cells(line, text)?;
        for (place, cell) in cells.iter().enumerate() {
            let error = |reason| Err(LineError { line, column: Some(place + 1), reason });
            if cell.len() > MAX_CELL {
                return error(LineReason::TooLong);
            }
            if cell.chars().any(char::is_control) {
                return error(LineReason::ControlCharacter);
            }
        }
        Ok(Self { line, column: 0, rest: cells.into_iter() })
    }

    fn next(&mut self) -> &'a str {
        self.column += 1;
        self.rest.next().unwrap_or_default()
    }

    fn text(&mut self) -> String {
        self.next().to_owned()
    }

    fn required(&mut self) -> Result<&'a str, LineError> {
        let cell = self.next();
        self.check(!cell.trim().is_empty(), LineReason::Missing)?;
        Ok(cell)
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    fn check(&self, legal: bool, reason: LineReason) -> Result<(), LineError> {
        if legal { Ok(()) } else { Err(self.error(reason)) }
    }

    fn error(&self, reason: LineReason) -> LineError {
        LineError { line: self.line, column: Some(self.column), reason }
    }
}

fn optional(cell: &str) -> Option<String> {
    (!cell.is_empty()).then(|| cell.to_owned())
}
