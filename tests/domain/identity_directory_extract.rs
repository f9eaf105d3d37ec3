//! The directory extract: good lines, bad lines, folding, and the sample shipped with the product.

use std::collections::HashSet;

use proptest::prelude::*;
use sceau::identity::{
    COLUMNS, ExtractReader, LineError, LineReason, NationalIdKind, Professional, check_header, fold, header,
    parse_line,
};

const GOOD: &str = "8|99700000013|899700000013|VERDIER|Camille''|14/03/1978|75056|99100|PARIS|F|0199000001|\
camille.verdier@example.org|MME|10|C|DR|VERDIER|Camille|S|SM26|L|SA07|||||||R990101|CABINET DR VERDIER||\
CABINET DR VERDIER||2||R|NOIRE||75009 PARIS|75009|75109|99000|0199002001||||75||CNOM/CNOM/CNOM|";

const SAMPLE: &str = include_str!("../../src/demo/sample_extract.txt");

/// The good line with the cell of `column` (from 1) replaced.
fn with(column: usize, value: &str) -> String {
    let mut cells: Vec<&str> = GOOD.split('|').collect();
    cells[column - 1] = value;
    cells.join("|")
}

fn folded(lines: &[String]) -> Vec<Professional> {
    fold(lines.iter().map(|line| parse_line(2, line).unwrap()))
}

#[test]
fn header_has_49_columns_and_a_final_bar() {
    assert_eq!(COLUMNS.len(), 49);
    assert!(header().starts_with("Type d'identifiant PP|Identifiant PP|Identification nationale PP|"));
    assert!(header().ends_with("|Ancien identifiant de la structure|Autorité d'enregistrement|"));
    assert_eq!(check_header(&header()), Ok(()));
    assert_eq!(check_header(&format!("\u{feff}{}", header())), Ok(()));
}

#[test]
fn header_one_thing_changed_is_refused() {
    let cases = [
        (header().replace("Prénoms", "Prenoms"), Some(5), LineReason::Header),
        (header().replace("Code rôle", "Code role"), Some(24), LineReason::Header),
        (header().replace("Type d'", "type d'"), Some(1), LineReason::Header),
        (header().trim_end_matches('|').to_owned(), None, LineReason::FinalBar),
        (format!("{}Autre|", header()), None, LineReason::ColumnCount),
        (header().replace("Code sexe|", ""), None, LineReason::ColumnCount),
        (header().replace('|', ";"), None, LineReason::FinalBar),
        (String::new(), None, LineReason::FinalBar),
    ];
    for (line, column, reason) in cases {
        assert_eq!(check_header(&line), Err(LineError { line: 1, column, reason }), "{line}");
    }
}

#[test]
fn good_line_is_read() {
    let people = folded(&[GOOD.to_owned()]);
    let [person] = people.as_slice() else { panic!("one person") };
    assert_eq!(person.national_id.expose(), "899700000013");
    assert_eq!(person.family_name, "VERDIER");
    assert_eq!(person.given_names, ["Camille"]);
    assert_eq!(person.civility, "MME");
    assert_eq!(person.phone.as_deref(), Some("0199000001"));
    assert_eq!(person.email.as_deref(), Some("camille.verdier@example.org"));
    let exercise = &person.exercises[0];
    assert_eq!((exercise.profession.as_str(), exercise.category.as_str()), ("10", "C"));
    let activity = &exercise.activities[0];
    assert_eq!(activity.mode, "L");
    assert_eq!(activity.structure_id, "R990101");
    assert_eq!(activity.phone, "0199002001");
    assert_eq!(activity.registration_authority, "CNOM/CNOM/CNOM");
    assert_eq!(activity.genre, "");
}

#[test]
fn one_cell_changed_is_refused_with_its_column() {
    let long = "x".repeat(513);
    let cases: &[(usize, &str, usize, LineReason)] = &[
        (1, "", 1, LineReason::Missing),
        (1, "9", 1, LineReason::IdentifierType),
        (1, "88", 1, LineReason::IdentifierType),
        (1, "0", 3, LineReason::IdentifierMismatch),
        (2, "", 2, LineReason::Missing),
        (2, "99700000021", 3, LineReason::IdentifierMismatch),
        (3, "", 3, LineReason::Missing),
        (3, "99700000013", 3, LineReason::IdentifierMismatch),
        (3, "8899700000013", 3, LineReason::IdentifierMismatch),
        (4, "", 4, LineReason::Missing),
        (4, "  ", 4, LineReason::Missing),
        (4, "VERDIER\t", 4, LineReason::ControlCharacter),
        (4, "VER\u{0}DIER", 4, LineReason::ControlCharacter),
        (4, &long, 4, LineReason::TooLong),
        (5, "A'B'C'D", 5, LineReason::GivenNames),
        (5, "'B", 5, LineReason::GivenNames),
        (6, "1978-03-14", 6, LineReason::Date),
        (6, "14/3/1978", 6, LineReason::Date),
        (6, "32/03/1978", 6, LineReason::Date),
        (6, "14/13/1978", 6, LineReason::Date),
        (6, "14/03/1978/", 6, LineReason::Date),
        (6, "+1/03/1978", 6, LineReason::Date),
        (11, "call me", 11, LineReason::Phone),
        (11, "01990", 11, LineReason::Phone),
        (11, "0199000001\n0199000002", 11, LineReason::ControlCharacter),
        (12, "camille", 12, LineReason::Email),
        (12, "@example.org", 12, LineReason::Email),
        (12, "a@b@example.org", 12, LineReason::Email),
        (12, "a@localhost", 12, LineReason::Email),
        (12, "a b@example.org", 12, LineReason::Email),
        (12, "a@example.org,b@example.org", 12, LineReason::Email),
        (12, "a@example.org\r\nBcc: b@example.org", 12, LineReason::ControlCharacter),
        (30, "CABINET\u{85}", 30, LineReason::ControlCharacter),
        (49, "CNOM\r", 49, LineReason::ControlCharacter),
    ];
    for (column, value, at, reason) in cases {
        let error = parse_line(7, &with(*column, value)).unwrap_err();
        assert_eq!(error, LineError { line: 7, column: Some(*at), reason: *reason }, "{column} {value:?}");
    }
}

#[test]
fn identifier_of_no_known_form_is_refused() {
    let line = GOOD.replace("8|99700000013|899700000013|", "8|9970000001|89970000001|");
    let error = parse_line(2, &line).unwrap_err();
    assert_eq!(error, LineError { line: 2, column: Some(3), reason: LineReason::NationalId });
}

#[test]
fn line_of_another_shape_is_refused_as_a_whole() {
    let cases = [
        (GOOD.trim_end_matches('|').to_owned(), LineReason::FinalBar),
        (format!("{GOOD}|"), LineReason::ColumnCount),
        (GOOD.replacen("|MME|", "|MM|E|", 1), LineReason::ColumnCount),
        (GOOD.replacen("|MME|", "|", 1), LineReason::ColumnCount),
        (format!("{GOOD}\r"), LineReason::FinalBar),
        (String::new(), LineReason::FinalBar),
        (String::from("|"), LineReason::ColumnCount),
    ];
    for (line, reason) in cases {
        assert_eq!(parse_line(3, &line), Err(LineError { line: 3, column: None, reason }), "{line}");
    }
}

#[test]
fn error_names_line_and_column_never_the_value() {
    let error = parse_line(12, &with(12, "secret-address")).unwrap_err();
    assert_eq!(error.to_string(), "line 12, column 12: malformed e-mail address");
    let error = parse_line(13, "secret").unwrap_err();
    assert_eq!(error.to_string(), "line 13: the final bar is missing");
}

#[test]
fn absent_data_is_accepted() {
    for column in 5..=49 {
        assert!(parse_line(2, &with(column, "")).is_ok(), "{column}");
    }
    let people = folded(&[with(12, "")]);
    assert_eq!(people[0].email, None);
    let people = folded(&[with(5, "''")]);
    assert!(people[0].given_names.is_empty());
    assert!(parse_line(2, &with(6, "00/00/1978")).is_ok());
}

#[test]
fn fold_groups_by_profession_and_category() {
    let elsewhere = with(29, "R990199");
    let student = with(15, "E");
    let people = folded(&[GOOD.to_owned(), student, elsewhere, GOOD.to_owned()]);
    let [person] = people.as_slice() else { panic!("one person") };
    let shape: Vec<(&str, usize)> =
        person.exercises.iter().map(|one| (one.category.as_str(), one.activities.len())).collect();
    assert_eq!(shape, [("C", 2), ("E", 1)]);
    assert_eq!(person.exercises[0].activities[1].structure_id, "R990199");
}

#[test]
fn fold_keeps_the_order_of_first_appearance_and_missing_contacts_are_found_later() {
    let other = GOOD.replace("99700000013", "99700000021");
    let people = folded(&[with(12, ""), other, GOOD.to_owned()]);
    let ids: Vec<&str> = people.iter().map(|person| person.national_id.expose()).collect();
    assert_eq!(ids, ["899700000013", "899700000021"]);
    assert_eq!(people[0].email.as_deref(), Some("camille.verdier@example.org"));
    assert_eq!(people[0].exercises[0].activities.len(), 1);
}

#[test]
fn person_without_a_place_has_no_activity() {
    let mut cells: Vec<&str> = GOOD.split('|').collect();
    cells[20..49].fill("");
    let people = folded(&[cells.join("|")]);
    assert_eq!(people[0].exercises.len(), 1);
    assert!(people[0].exercises[0].activities.is_empty());
}

#[test]
fn reader_counts_lines_from_the_header_and_goes_on_after_an_error() {
    let mut reader = ExtractReader::new();
    assert_eq!(reader.feed(&header()), Ok(None));
    assert_eq!(reader.feed(GOOD).unwrap().unwrap().national_id().expose(), "899700000013");
    assert_eq!(reader.feed("").unwrap_err().line, 3);
    assert!(reader.feed(GOOD).unwrap().is_some());
    let error = ExtractReader::new().feed(GOOD).unwrap_err();
    assert_eq!(error, LineError { line: 1, column: Some(1), reason: LineReason::Header });
}

#[test]
fn debug_of_a_line_shows_no_one() {
    let shown = format!("{:?}", parse_line(2, GOOD).unwrap());
    for personal in ["VERDIER", "Camille", "99700000013", "0199000001", "example.org"] {
        assert!(!shown.contains(personal), "{shown}");
    }
}

#[test]
fn sample_every_line_parses_and_folds() {
    let mut reader = ExtractReader::new();
    assert!(SAMPLE.ends_with("|\n"));
    let lines: Vec<_> = SAMPLE.lines().filter_map(|line| reader.feed(line).unwrap()).collect();
    assert_eq!(lines.len(), 42);
    let people = fold(lines);
    assert_eq!(people.len(), 36);
    let ids: HashSet<&str> = people.iter().map(|person| person.national_id.expose()).collect();
    assert_eq!(ids.len(), 36);
    let first = &people[0];
    assert_eq!(first.national_id.expose(), "899700000013");
    assert_eq!(first.exercises[0].activities.len(), 2);
}

#[test]
fn sample_holds_the_cases_it_was_made_for() {
    let people = fold(SAMPLE.lines().skip(1).map(|line| parse_line(2, line).unwrap()));
    let count = |case: fn(&Professional) -> bool| people.iter().filter(|one| case(one)).count();
    assert_eq!(count(|one| one.national_id.luhn_warning()), 2);
    assert_eq!(count(|one| one.national_id.kind() == NationalIdKind::Siret), 1);
    assert_eq!(count(|one| one.national_id.kind() == NationalIdKind::Adeli), 1);
    assert_eq!(count(|one| one.email.is_none()), 1);
    assert_eq!(count(|one| one.phone.is_none()), 1);
    assert_eq!(count(|one| one.given_names.len() == 3), 1);
    assert_eq!(count(|one| one.exercises.len() == 2), 2);
    assert_eq!(count(|one| one.exercises.iter().any(|exercise| exercise.category == "E")), 1);
    let in_section = |one: &Professional| {
        let mut places = one.exercises.iter().flat_map(|exercise| &exercise.activities);
        places.any(|activity| !activity.pharmacist_section.is_empty())
    };
    assert_eq!(count(in_section), 4);
    assert!(people.iter().filter_map(|one| one.email.as_deref()).all(|mail| mail.ends_with("@example.org")));
    assert!(
        people.iter().filter_map(|one| one.phone.as_deref()).all(|number| number.starts_with("01990000"))
    );
}

proptest! {
    #[test]
    fn any_line_is_read_or_refused(line in "[|'/@0-9a-zé\\x00-\\x1f]{0,200}") {
        prop_assert!(parse_line(2, &line).is_err());
    }

    #[test]
    fn any_cell_is_read_or_refused_at_its_line(column in 1_usize..50, value in "\\PC{0,20}") {
        if let Err(error) = parse_line(9, &with(column, &value)) {
            prop_assert_eq!(error.line, 9);
        }
    }
}
