//! The import file of patients.

use sceau::identity::{
    GuardianKind, InsEnvironment, PatientFileError, PatientFileReader, PatientFileReason as Reason,
    PatientRef, PatientRefError,
};
use sceau::jose::StrictJsonError;
use serde_json::{Value, json};

use crate::support::{identities, identity};

fn good() -> Value {
    json!({
        "reference": "p-1", "family_name": "Colonna", "given_names": ["Lucia", "Maria"], "sex": "female",
        "birth_date": "1969-05-02", "birth_place": "49588", "birth_country": "99100",
        "ins": { "matricule": "269054958815780", "oid": "1.2.250.1.213.1.4.10" }, "ins_status": "qualified",
        "used_family_name": "Ferrandi", "used_given_name": "Maria", "email": "l.ferrandi@example.org",
        "phone": "+33639980002", "deceased": false,
        "guardians": [{ "reference": "p-2", "kind": "legal_guardian", "until": "2028-06-30" }],
    })
}

fn read(value: &Value) -> Result<(), PatientFileError> {
    PatientFileReader::new(InsEnvironment::Test).feed(&value.to_string()).map(|_| ())
}

#[test]
fn the_invented_patients_are_read() {
    let people = identities();
    assert!(people.len() >= 8);
    let child = identity("p-13").patient;
    let parent = child.guardians.first().unwrap();
    assert_eq!(
        (parent.guardian_ref.expose(), parent.kind, parent.until),
        ("p-01", GuardianKind::Parent, None)
    );
    let minimal = json!({
        "reference": "x", "family_name": "Colonna", "given_names": ["Lucia"], "sex": "unspecified",
        "birth_date": "1969-00-00", "birth_country": "99352", "ins_status": "provisional",
    });
    read(&minimal).unwrap();
    read(&good()).unwrap();
}

/// One member of a good line changed to the JSON given; `null` takes it away.
const ROWS: &[(&str, &str, &str, Reason)] = &[
    ("/reference", "null", "reference", Reason::Missing),
    ("/reference", "7", "reference", Reason::WrongType),
    ("/reference", r#""""#, "reference", Reason::Malformed),
    ("/reference", r#""a b""#, "reference", Reason::Malformed),
    ("/reference", r#""269054958815780""#, "reference", Reason::Malformed),
    ("/reference", r#""155052A123456""#, "reference", Reason::Malformed),
    ("/family_name", "null", "family_name", Reason::Missing),
    ("/family_name", r#"["Colonna"]"#, "family_name", Reason::WrongType),
    ("/family_name", "\"LONG\"", "family_name", Reason::Malformed),
    ("/family_name", r#""Col\tonna""#, "family_name", Reason::Malformed),
    ("/given_names", "null", "given_names", Reason::Missing),
    ("/given_names", r#""Lucia Maria""#, "given_names", Reason::WrongType),
    ("/given_names", "[]", "given_names", Reason::Malformed),
    ("/given_names", r#"["Lucia", ""]"#, "given_names", Reason::Malformed),
    ("/given_names", r#"["Lucia", 2]"#, "given_names", Reason::WrongType),
    ("/sex", "null", "sex", Reason::Missing),
    ("/sex", r#""F""#, "sex", Reason::Malformed),
    ("/birth_date", "null", "birth_date", Reason::Missing),
    ("/birth_date", r#""1969-02-30""#, "birth_date", Reason::Malformed),
    ("/birth_place", "null", "birth_place", Reason::BirthPlaceMissing),
    ("/birth_place", r#""""#, "birth_place", Reason::Malformed),
    ("/birth_country", "null", "birth_country", Reason::Missing),
    ("/birth_country", r#""FR""#, "birth_country", Reason::Malformed),
    ("/birth_country", r#""99352""#, "birth_place", Reason::BirthPlaceAbroad),
    ("/ins", "null", "ins", Reason::InsMissing),
    ("/ins", r#""269054958815780""#, "ins", Reason::WrongType),
    ("/ins/matricule", "null", "ins.matricule", Reason::Missing),
    ("/ins/matricule", r#""2690549588157""#, "ins.matricule", Reason::Malformed),
    ("/ins/matricule", r#""269054958815781""#, "ins.matricule", Reason::InsKey),
    ("/ins/oid", "null", "ins.oid", Reason::Missing),
    ("/ins/oid", r#""1.2.250.1.213.1.4.2""#, "ins.oid", Reason::Malformed),
    ("/ins/oid", r#""1.2.250.1.213.1.4.8""#, "ins.oid", Reason::InsEnvironment),
    ("/ins_status", "null", "ins_status", Reason::Missing),
    ("/ins_status", r#""certain""#, "ins_status", Reason::Malformed),
    ("/used_family_name", r#""""#, "used_family_name", Reason::Malformed),
    ("/used_given_name", "1", "used_given_name", Reason::WrongType),
    ("/email", r#""nobody""#, "email", Reason::Malformed),
    ("/email", r#""a@b.fr\r\nBcc: c@d.fr""#, "email", Reason::Malformed),
    ("/phone", r#""06 39 98 00 02""#, "phone", Reason::Malformed),
    ("/deceased", r#""no""#, "deceased", Reason::WrongType),
    ("/guardians", "{}", "guardians", Reason::WrongType),
    ("/guardians/0", r#""p-2""#, "guardians", Reason::WrongType),
    ("/guardians/0/reference", r#""p-1""#, "guardians.reference", Reason::Oneself),
    ("/guardians/0/reference", r#""p 2""#, "guardians.reference", Reason::Malformed),
    ("/guardians/0/kind", r#""friend""#, "guardians.kind", Reason::Malformed),
    ("/guardians/0/until", "null", "guardians.until", Reason::Missing),
    ("/guardians/0/until", r#""2028-02-30""#, "guardians.until", Reason::Malformed),
    ("/guardians/0/until", r#""2028-06-30T12:00""#, "guardians.until", Reason::Malformed),
];

#[test]
fn each_wrong_member_is_named_with_its_reason() {
    for &(pointer, text, member, reason) in ROWS {
        let new: Value = serde_json::from_str(&text.replace("LONG", &"é".repeat(257))).unwrap();
        let mut line = good();
        if new.is_null() {
            let (object, name) = pointer.rsplit_once('/').unwrap();
            line.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        } else {
            *line.pointer_mut(pointer).unwrap() = new.clone();
        }
        let error = read(&line).unwrap_err();
        assert_eq!((error.line, error.member, error.reason), (1, Some(member), reason), "{pointer} {new}");
        let said = format!("{error} {error:?}");
        let value = new.as_str().unwrap_or("Colonna");
        assert!(value.is_empty() || value.len() == 1 || !said.contains(value), "{said}");
    }
}

#[test]
fn null_is_no_value() {
    for name in good().as_object().unwrap().keys() {
        let mut line = good();
        line[name] = Value::Null;
        assert_eq!(read(&line).unwrap_err().reason, Reason::WrongType, "{name}");
    }
}

#[test]
fn unknown_members_are_found_by_column_never_by_name() {
    let line = good().to_string().replacen('{', r#"{"2690549588157":1,"#, 1);
    let error = PatientFileReader::new(InsEnvironment::Test).feed(&line).unwrap_err();
    assert_eq!((error.column, error.member, error.reason), (Some(2), None, Reason::UnknownMember));
    assert_eq!(error.to_string(), "line 1, column 2: unknown member");
    for pointer in ["/ins", "/guardians/0"] {
        let mut line = good();
        line.pointer_mut(pointer).unwrap()["extra"] = json!(1);
        let error = read(&line).unwrap_err();
        assert_eq!(error.reason, Reason::UnknownMember, "{pointer}");
        assert!(error.column.is_some());
    }
}

#[test]
fn lines_that_are_no_strict_json_object() {
    let twice = good().to_string().replacen('{', r#"{"sex":"male","#, 1);
    let long = good().to_string().replacen("Colonna", &"a".repeat(20_000), 1);
    let rows = [
        ("", Reason::Json(StrictJsonError::Syntax)),
        ("{", Reason::Json(StrictJsonError::Syntax)),
        ("[]", Reason::NotObject),
        ("\"p\"", Reason::NotObject),
        ("{} {}", Reason::Json(StrictJsonError::Trailing)),
        ("\u{feff}{}", Reason::Json(StrictJsonError::ByteOrderMark)),
        (twice.as_str(), Reason::Json(StrictJsonError::Duplicate)),
        (long.as_str(), Reason::Json(StrictJsonError::TooLong)),
    ];
    for (line, reason) in rows {
        let error = PatientFileReader::new(InsEnvironment::Test).feed(line).unwrap_err();
        assert_eq!(error.reason, reason);
    }
    let cut = r#"{"reference":"p-1","#;
    let error = PatientFileReader::new(InsEnvironment::Test).feed(cut).unwrap_err();
    assert_eq!((error.line, error.column), (1, Some(cut.len())));
}

#[test]
fn a_reference_and_a_matricule_stand_for_one_patient() {
    let mut reader = PatientFileReader::new(InsEnvironment::Test);
    reader.feed(&good().to_string()).unwrap();
    let again = reader.feed(&good().to_string()).unwrap_err();
    assert_eq!((again.line, again.member, again.reason), (2, Some("reference"), Reason::Duplicate));
    let mut other = good();
    other["reference"] = json!("p-9");
    let error = reader.feed(&other.to_string()).unwrap_err();
    assert_eq!((error.line, error.member, error.reason), (3, Some("ins.matricule"), Reason::Duplicate));
    // The line that was refused took nothing, and the reader goes on.
    other["ins"]["matricule"] = json!("155052A12345648");
    reader.feed(&other.to_string()).unwrap();
    let mut guardians = good();
    let guardian = guardians["guardians"][0].clone();
    guardians["guardians"] = json!([guardian, guardian]);
    assert_eq!(read(&guardians).unwrap_err().member, Some("guardians.reference"));
}

#[test]
fn test_numbers_are_refused_in_production() {
    let error = PatientFileReader::new(InsEnvironment::Production).feed(&good().to_string()).unwrap_err();
    assert_eq!((error.member, error.reason), (Some("ins.oid"), Reason::InsEnvironment));
    let real = good().to_string().replace("213.1.4.10", "213.1.4.8");
    PatientFileReader::new(InsEnvironment::Production).feed(&real).unwrap();
}

#[test]
fn a_reference_is_no_identity_number_and_is_not_shown() {
    for (text, reason) in [
        ("2690549588157", PatientRefError::IdentityNumber),
        ("269054958815780", PatientRefError::IdentityNumber),
        ("155052A12345648", PatientRefError::IdentityNumber),
        ("2-69-05-49-588-157", PatientRefError::IdentityNumber),
        ("é", PatientRefError::Malformed),
        (&"a".repeat(65), PatientRefError::Malformed),
    ] {
        assert_eq!(PatientRef::parse(text), Err(reason), "{text}");
    }
    for text in
        ["p-1", "26905495881578", "IPP.000001234567", &"a".repeat(64), "7c9e6679-7425-40de-944b-e07fc1f90ae7"]
    {
        let reference = PatientRef::parse(text).unwrap();
        assert_eq!(reference.expose(), text);
        assert_eq!(format!("{reference:?}"), "PatientRef([redacted])");
    }
    let patient = format!("{:?}", identity("p-01").patient);
    assert_eq!(patient, "Patient([redacted])");
}
