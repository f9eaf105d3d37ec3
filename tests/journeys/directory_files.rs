//! Files of the directory that are wrong, unusual, or of changed identifiers; and what the log says of them.

use sceau::audit::EventKind;
use sceau::flow::{ImportError, ImportObserver, ImportOptions, Silent, text_lines};
use sceau::identity::{LineError, PersonStatus};
use serde_json::Value;

use super::directory_import::{ALL, PERSONS, counts, ended, import, status};
use crate::support::{CAMILLE, HUGO, Harness, SAMPLE};

#[derive(Default)]
struct Rejections(Vec<String>);

impl ImportObserver for Rejections {
    fn rejected(&mut self, error: &LineError) {
        self.0.push(error.to_string());
    }
}

#[tokio::test]
async fn a_refused_line_is_named_and_its_person_stays() {
    let harness = Harness::new().await;
    // The first line of Camille is the second of the file; her other one is the last.
    let wrong = SAMPLE.replace("camille.verdier@example.org", "camille.verdier");
    let mut heard = Rejections::default();
    let report = harness
        .provider
        .import_directory(&mut text_lines(&wrong), ImportOptions::default(), &mut heard)
        .await
        .unwrap();
    assert!(heard.0[0].starts_with("line 2, column 12: "), "{:?}", heard.0);
    assert_eq!(u64::try_from(heard.0.len()).unwrap(), report.numbers.rejected);
    assert_eq!(report.numbers.done, counts([0, 0, 0, PERSONS]));
    assert_eq!(status(&harness, harness.person(CAMILLE).await).await, PersonStatus::Active);
}

#[tokio::test]
async fn a_file_that_is_no_extract_changes_nothing_and_blocks_nothing() {
    let harness = Harness::new().await;
    let headless = ended(SAMPLE.lines().skip(1));
    for text in ["", "\u{feff}", "a|b|c|\n", &headless] {
        let refused = import(&harness.provider, text).await;
        assert!(matches!(&refused, Err(ImportError::Layout(error)) if error.line == 1), "{refused:?}");
    }
    assert_eq!(import(&harness.provider, SAMPLE).await.unwrap().numbers.done.changed(), 0);
}

#[tokio::test]
async fn test_identities_students_and_structures_import_and_enrol() {
    let harness = Harness::new().await;
    let line = SAMPLE.lines().find(|line| line.contains(HUGO)).unwrap();
    let known = "8|99700000021|899700000021|";
    let uuid = "0b7a6a6e-2d8f-4c5e-9f10-6d0a3d1f2c11";
    let cases = [
        ("5|00000009970099/CPAT%2F7|", None),
        ("5|00000009970099/CPAT00007|500000009970099/CPAT00007|", Some("500000009970099/CPAT00007")),
        ("|ANS20260102030405|ANS20260102030405|", Some("ANS20260102030405")),
        (&format!("8|{uuid}|{uuid}|"), Some(uuid)),
    ];
    let mut text = SAMPLE.to_owned();
    for (cells, _) in cases {
        text.push_str(&line.replace(known, cells).replace("|10|C|", "|10|E|"));
        text.push('\n');
    }
    let report = harness.provider.import_directory(&mut text_lines(&text), ALL, &mut Silent).await.unwrap();
    assert_eq!((report.numbers.done.created, report.numbers.rejected), (3, 1));
    for id in cases.into_iter().filter_map(|(_, id)| id) {
        harness.enrolled(&format!("phone-{}", id.len()), id).await;
    }
}

#[tokio::test]
async fn a_changed_register_keeps_the_person_and_a_bad_line_stops_nothing() {
    let harness = Harness::new().await;
    let before = harness.person("0069900351").await;
    let text = "N° ADELI;N° RPPS\n069900351;99700000401\n069900351\n0699;99700000401\n069900351;8997000\n";
    let mut heard = Rejections::default();
    let report = harness.provider.merge_directory(&mut text_lines(text), &mut heard).await.unwrap();
    assert_eq!((report.lines, report.rejected, report.moved), (4, 3, 1));
    assert_eq!(
        heard.0,
        [
            "line 3: not two columns",
            "line 4, column 1: malformed national identifier",
            "line 5, column 2: malformed national identifier",
        ]
    );
    assert_eq!(harness.person("899700000401").await, before);
    assert_eq!(harness.audited("person.merged identifier_changed").await, 1);
    let again = harness.provider.merge_directory(&mut text_lines(text), &mut Silent).await.unwrap();
    assert_eq!((again.moved, again.unchanged), (0, 1));
    // The next extract finds the person under the new number; the former one stays among the others.
    let next = SAMPLE
        .replace("0|069900351|0069900351|", "8|99700000401|899700000401|")
        .replace("|BRISSAUD|", "|BRISSAUD-X|");
    let report = import(&harness.provider, &next).await.unwrap();
    assert_eq!(report.numbers.done, counts([0, 1, 0, PERSONS - 1]));
    let person = harness.provider.ports.persons.find(before).await.unwrap().unwrap();
    assert_eq!(person.professional().unwrap().family_name, "BRISSAUD-X");
    assert_eq!(person.professional().unwrap().other_ids[0].identifiant.expose(), "0069900351");
    for wrong in ["", "N° RPPS;N° ADELI\n", SAMPLE] {
        let refused = harness.provider.merge_directory(&mut text_lines(wrong), &mut Silent).await;
        assert!(matches!(refused, Err(ImportError::Layout(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn the_log_has_the_numbers_and_nobody() {
    let harness = Harness::new().await;
    let rows = harness.provider.ports.audit.rows(None, 1000).await.unwrap();
    let texts: Vec<String> = rows.into_iter().map(|row| String::from_utf8(row.record).unwrap()).collect();
    let applied = texts.iter().find(|text| text.contains("\"applied\"")).unwrap();
    let record: Value = serde_json::from_str(applied).unwrap();
    assert_eq!(record["kind"], EventKind::DirectoryImport.as_str());
    assert_eq!(record["count.created"], PERSONS.to_string());
    assert_eq!(record["actor"], "operator");
    assert!(texts.iter().all(|text| !text.contains(CAMILLE) && !text.contains("VERDIER")));
}
