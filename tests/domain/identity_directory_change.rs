//! What an extract changes: persons one by one, the share, the whole; and the file of changed identifiers.

use sceau::identity::{
    DirectoryCounts, ExtractSize, InExtract, LineError, LineReason, NationalId, PersonChange, PersonStatus,
    Wholeness, fold, parse_adeli_change, parse_line, person_change, whose_line, without_professions,
};

const SAMPLE: &str = include_str!("../../src/demo/sample_extract.txt");

#[test]
fn each_person_by_file_and_status() {
    let same = InExtract::Record { same: true };
    let other = InExtract::Record { same: false };
    let [active, locked, gone] =
        [PersonStatus::Active, PersonStatus::Locked, PersonStatus::Deactivated].map(Some);
    let cases = [
        (other, None, PersonChange::Create),
        (other, active, PersonChange::Update),
        (other, locked, PersonChange::Update),
        (other, gone, PersonChange::Reactivate),
        (same, active, PersonChange::Unchanged),
        (same, locked, PersonChange::Unchanged),
        (same, gone, PersonChange::Reactivate),
        (InExtract::Refused, None, PersonChange::Gone),
        (InExtract::Refused, active, PersonChange::Unchanged),
        (InExtract::Refused, locked, PersonChange::Unchanged),
        (InExtract::Refused, gone, PersonChange::Unchanged),
        (InExtract::Absent, None, PersonChange::Gone),
        (InExtract::Absent, active, PersonChange::Deactivate),
        (InExtract::Absent, locked, PersonChange::Gone),
        (InExtract::Absent, gone, PersonChange::Gone),
    ];
    for (extract, stored, expected) in cases {
        assert_eq!(person_change(extract, stored), expected, "{extract:?} {stored:?}");
    }
}

#[test]
fn the_share_counts_every_change_and_an_empty_store_is_free() {
    let counts =
        |created, updated, deactivated| DirectoryCounts { created, updated, deactivated, unchanged: 7 };
    let cases = [
        (counts(5, 0, 0), 100, 5, false),
        (counts(6, 0, 0), 100, 5, true),
        (counts(2, 2, 2), 100, 5, true),
        (counts(0, 0, 6), 100, 5, true),
        (counts(0, 0, 6), 100, 6, false),
        (counts(1, 0, 0), 100, 0, true),
        (counts(0, 0, 0), 100, 0, false),
        (counts(1_000_000, 0, 0), 0, 5, false),
        (counts(1_000_000, 0, 0), 1, 99, true),
        (counts(1_000_000, 0, 0), 1, 100, false),
        (counts(u64::MAX, 1, 1), u64::MAX, 99, false),
    ];
    for (counts, stored, percent, expected) in cases {
        assert_eq!(counts.exceeds(stored, percent), expected, "{counts:?} of {stored}, {percent} %");
    }
}

#[test]
fn a_file_is_whole_or_not() {
    let size = |lines, persons| ExtractSize { lines, persons };
    let last = Some(size(1000, 100));
    let cases = [
        (size(1, 1), true, None, false, Wholeness::Whole),
        (size(950, 95), true, last, false, Wholeness::Whole),
        (size(949, 95), true, last, false, Wholeness::Shorter),
        (size(950, 94), true, last, false, Wholeness::Shorter),
        (size(1, 1), true, last, true, Wholeness::Whole),
        (size(1000, 100), false, last, true, Wholeness::NoLastLineEnd),
        (size(1000, 100), false, None, false, Wholeness::NoLastLineEnd),
    ];
    for (size, line_end, last, accept_shorter, expected) in cases {
        let verdict = Wholeness::judge(size, line_end, last, accept_shorter);
        assert_eq!(verdict, expected, "{size:?} {line_end} {last:?} {accept_shorter}");
    }
}

#[test]
fn excluded_exercises_are_dropped_and_nobody_is_left_without() {
    let lines = SAMPLE.lines().filter(|line| line.contains("|899700000252|"));
    let person = fold(lines.map(|line| parse_line(2, line).unwrap())).remove(0);
    let left = |codes: &[&str]| {
        let codes: Vec<String> = codes.iter().map(|code| String::from(*code)).collect();
        let person = without_professions(person.clone(), &codes)?;
        Some(person.exercises.into_iter().map(|one| one.profession).collect::<Vec<_>>())
    };
    assert_eq!(left(&[]).unwrap(), ["21", "10"]);
    assert_eq!(left(&["21"]).unwrap(), ["10"]);
    assert_eq!(left(&["1", "2", ""]).unwrap(), ["21", "10"]);
    assert!(left(&["10", "21"]).is_none());
}

#[test]
fn a_refused_line_still_tells_whose_it_may_be() {
    let cases: &[(&str, &[&str])] = &[
        ("8|99700000013|899700000013|X|", &["899700000013"]),
        ("8|99700000013|899700000021|X|", &["899700000021", "899700000013"]),
        ("8|99700000013|", &["899700000013"]),
        ("8|9970|89970|", &[]),
        ("", &[]),
    ];
    for (line, expected) in cases {
        let persons = whose_line(line);
        assert_eq!(persons.iter().map(NationalId::expose).collect::<Vec<_>>(), *expected, "{line}");
    }
}

#[test]
fn changed_identifiers_are_read_or_refused_by_column() {
    let header = "N° ADELI;N° RPPS";
    assert_eq!(parse_adeli_change(1, header), Ok(None));
    assert_eq!(parse_adeli_change(1, &format!("\u{feff}{header}")), Ok(None));
    let change = parse_adeli_change(2, "0699003A1;99700000401").unwrap().unwrap();
    assert_eq!((change.from.expose(), change.to.expose()), ("00699003A1", "899700000401"));
    assert_eq!(change.former().origine, "ADELI");
    let cases = [
        (1, "N° RPPS;N° ADELI", None, LineReason::Header),
        (1, "", None, LineReason::Header),
        (2, "", None, LineReason::TwoColumns),
        (2, "069900351", None, LineReason::TwoColumns),
        (2, "069900351,99700000401", None, LineReason::TwoColumns),
        (3, "06990035;99700000401", Some(1), LineReason::NationalId),
        (3, "b7a6a6e-2d8f-4c5e-9f10-6d0a3d1f2c11;99700000401", Some(1), LineReason::NationalId),
        (3, "069900351;9970000040", Some(2), LineReason::NationalId),
        (3, "069900351;99700000401;", Some(2), LineReason::NationalId),
        (3, "069900351;899700000401", Some(2), LineReason::NationalId),
    ];
    for (line, text, column, reason) in cases {
        assert_eq!(parse_adeli_change(line, text), Err(LineError { line, column, reason }), "{text}");
    }
}
