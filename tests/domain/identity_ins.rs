//! Matricule, key and OID of the INS.

use proptest::prelude::*;
use sceau::identity::{Ins, InsEnvironment, InsError, InsOid, InsStatus};

const OIDS: [(InsOid, &str, InsEnvironment); 4] = [
    (InsOid::Nir, "1.2.250.1.213.1.4.8", InsEnvironment::Production),
    (InsOid::Nia, "1.2.250.1.213.1.4.9", InsEnvironment::Production),
    (InsOid::NirTest, "1.2.250.1.213.1.4.10", InsEnvironment::Test),
    (InsOid::NirDemo, "1.2.250.1.213.1.4.11", InsEnvironment::Test),
];

fn parse(text: &str) -> Result<Ins, InsError> {
    Ins::parse(text, InsOid::NirTest)
}

/// 13 characters with the key that `parse` takes: it takes one at most.
fn with_key(number: &str) -> String {
    let right: Vec<String> =
        (0..100).map(|key| format!("{number}{key:02}")).filter(|whole| parse(whole).is_ok()).collect();
    assert_eq!(right.len(), 1, "{number}");
    right[0].clone()
}

#[test]
fn keys_of_the_examples() {
    assert_eq!(with_key("2690549588157"), "269054958815780");
    assert_eq!(with_key("155052A123456"), "155052A12345648");
    // 2A counts as 19, 2B as 18.
    assert_ne!(with_key("155052B123456"), "155052B12345648");
    let corsica_as_number = with_key("1550518123456");
    assert_eq!(with_key("155052B123456")[13..], corsica_as_number[13..]);
}

#[test]
fn temporary_numbers_and_unknown_months_are_taken() {
    for number in
        ["3690549588157", "4690549588157", "7690549588157", "8690549588157", "2692049588157", "2699949588157"]
    {
        with_key(number);
    }
}

#[test]
fn each_wrong_text_has_its_reason() {
    assert!(parse("269054958815780").is_ok());
    let cases = [
        ("", InsError::Length),
        ("2690549588157", InsError::Length),
        ("2690549588157800", InsError::Length),
        ("2 69 05 49 588 157 80", InsError::Length),
        ("26905495881578\u{e9}", InsError::Length),
        ("2690549588é80x", InsError::Key),
        ("26905495881\u{660}80", InsError::Character),
        ("2690549A8815780", InsError::Character),
        ("1550a2A12345648", InsError::Character),
        ("155052a12345648", InsError::Character),
        ("155052C12345648", InsError::Character),
        ("1550512A2345648", InsError::Character),
        ("569054958815780", InsError::FirstDigit),
        ("069054958815780", InsError::FirstDigit),
        ("269004958815780", InsError::Month),
        ("269134958815780", InsError::Month),
        ("269194958815780", InsError::Month),
        ("269054958815781", InsError::Key),
        ("269054958815880", InsError::Key),
        ("26905495881578A", InsError::Key),
        ("2690549588157+0", InsError::Key),
        ("155052B12345648", InsError::Key),
    ];
    for (text, reason) in cases {
        let found = parse(text).unwrap_err();
        // A letter outside of ASCII is two bytes, so it is a matter of length or of characters.
        if text.is_ascii() {
            assert_eq!(found, reason, "{text:?}");
        } else {
            assert!(matches!(found, InsError::Length | InsError::Character), "{text:?}");
        }
    }
}

#[test]
fn test_and_production_are_never_mixed() {
    for (oid, dotted, environment) in OIDS {
        assert_eq!((InsOid::parse(dotted), oid.as_str()), (Ok(oid), dotted));
        let ins = Ins::parse("269054958815780", oid).unwrap();
        for asked in [InsEnvironment::Production, InsEnvironment::Test] {
            assert_eq!(ins.accepted_in(asked), asked == environment, "{dotted}");
        }
    }
    for other in
        ["", "1.2.250.1.213.1.4.2", "1.2.250.1.213.1.4.12", "1.2.250.1.213.1.4.8 ", "2.250.1.213.1.4.8"]
    {
        assert_eq!(InsOid::parse(other), Err(InsError::Oid), "{other}");
    }
}

#[test]
fn status_words() {
    let statuses = [InsStatus::Provisional, InsStatus::Retrieved, InsStatus::Validated, InsStatus::Qualified];
    for status in statuses {
        assert_eq!(InsStatus::from_stored(status.as_str()), Some(status));
    }
    assert_eq!(InsStatus::from_stored("QUALIFIED"), None);
    assert_eq!(statuses.map(InsStatus::has_matricule), [false, true, false, true]);
}

#[test]
fn debug_does_not_show_it_and_serde_checks_it() {
    let ins = Ins::parse("269054958815780", InsOid::NirTest).unwrap();
    assert_eq!(format!("{ins:?}"), "Ins([redacted])");
    let stored = serde_json::to_string(&ins).unwrap();
    assert_eq!(stored, r#"{"matricule":"269054958815780","oid":"1.2.250.1.213.1.4.10"}"#);
    assert_eq!(serde_json::from_str::<Ins>(&stored).unwrap(), ins);
    let wrong = stored.replace("780", "781");
    let refused = serde_json::from_str::<Ins>(&wrong).unwrap_err().to_string();
    assert!(refused.contains("key") && !refused.contains("2690549"), "{refused}");
    assert!(serde_json::from_str::<Ins>(&stored.replace("4.10", "4.2")).is_err());
}

proptest! {
    #[test]
    fn one_wrong_digit_or_two_exchanged_are_found(
        number in "[12][0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[1-9][0-9])[0-9]{6}",
        place in 0..12_usize,
    ) {
        let whole = with_key(&number);
        let exchanged = format!("{}{}{}{}", &whole[..place], &whole[place + 1..place + 2], &whole[place..=place], &whole[place + 2..]);
        prop_assert!(exchanged == whole || parse(&exchanged).is_err());
    }

    #[test]
    fn any_text_is_refused_or_kept(text in "\\PC{0,20}") {
        if let Ok(ins) = parse(&text) {
            prop_assert_eq!(ins.expose(), text);
        }
    }
}
