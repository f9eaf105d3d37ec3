//! The forms of a national identifier.

use proptest::prelude::*;
use sceau::identity::{NationalId, NationalIdError, NationalIdKind};

#[test]
fn each_form_has_its_kind() {
    let cases = [
        ("899700427885", NationalIdKind::Rpps),
        ("0759912345", NationalIdKind::Adeli),
        ("02A9912345", NationalIdKind::Adeli),
        ("175991234501/12", NationalIdKind::AdeliPractice),
        ("30B0193488/MEDIC7", NationalIdKind::Finess),
        ("4123456789/a.b-c_d", NationalIdKind::Siren),
        ("500000001815646/CPAT00045", NationalIdKind::Siret),
        ("699700427885012/3", NationalIdKind::RppsPractice),
        ("8a0dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd", NationalIdKind::Uuid),
        ("0a0dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd", NationalIdKind::Uuid),
        ("ANS20210107161422", NationalIdKind::Edit),
    ];
    for (text, kind) in cases {
        let id = NationalId::parse(text).unwrap();
        assert_eq!(id.kind(), kind, "{text}");
        assert_eq!(id.expose(), text);
    }
}

#[test]
fn each_wrong_text_has_its_reason() {
    let internal_of_64 = format!("500000001815646/{}", "C".repeat(48));
    assert!(NationalId::parse(&internal_of_64).is_ok());
    let cases = [
        ("", NationalIdError::Malformed),
        ("99700427885", NationalIdError::MissingTypeDigit),
        ("9970042788", NationalIdError::Malformed),
        ("8997004278850", NationalIdError::Malformed),
        ("299700427885", NationalIdError::Malformed),
        ("8 99700427885", NationalIdError::Malformed),
        ("89970042788A", NationalIdError::Malformed),
        ("89970042788\u{0665}", NationalIdError::Malformed),
        (" 899700427885", NationalIdError::Malformed),
        ("899700427885\n", NationalIdError::Malformed),
        ("899700427885/1", NationalIdError::Malformed),
        ("075991234", NationalIdError::Malformed),
        ("02a9912345", NationalIdError::Malformed),
        ("500000001815646", NationalIdError::Malformed),
        ("500000001815646/", NationalIdError::Malformed),
        ("500000001815646/CPAT/45", NationalIdError::Malformed),
        ("500000001815646/CPAT 45", NationalIdError::Malformed),
        ("50000000181564/CPAT00045", NationalIdError::Malformed),
        ("/CPAT00045", NationalIdError::Malformed),
        ("550DC1C8-D97B-4B1E-AC8C-8EB4471CF9DD", NationalIdError::Malformed),
        ("550dc1c8d97b4b1eac8c8eb4471cf9dd", NationalIdError::Malformed),
        ("{550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd}", NationalIdError::Malformed),
        ("ANS2021010716142", NationalIdError::Malformed),
        ("ans20210107161422", NationalIdError::Malformed),
        ("10nom.prenom@example.org", NationalIdError::Malformed),
        (&format!("{internal_of_64}C"), NationalIdError::TooLong),
    ];
    for (text, reason) in cases {
        assert_eq!(NationalId::parse(text), Err(reason), "{text:?}");
    }
}

#[test]
fn luhn_of_the_last_eleven_is_a_warning_only() {
    for right in ["99700218896", "99700427869", "99700427885", "99700245667"] {
        assert!(!NationalId::parse(&format!("8{right}")).unwrap().luhn_warning(), "{right}");
    }
    for wrong in ["10003461033", "10005678901", "10109801023"] {
        assert!(NationalId::parse(&format!("8{wrong}")).unwrap().luhn_warning(), "{wrong}");
    }
    for other in ["0759912345", "500000001815646/CPAT00045", "ANS20210107161422"] {
        assert!(!NationalId::parse(other).unwrap().luhn_warning(), "{other}");
    }
}

#[test]
fn debug_does_not_show_it_and_serde_checks_it() {
    let id = NationalId::parse("899700427885").unwrap();
    assert_eq!(format!("{id:?}"), "NationalId([redacted])");
    assert_eq!(serde_json::to_string(&id).unwrap(), r#""899700427885""#);
    assert_eq!(serde_json::from_str::<NationalId>(r#""899700427885""#).unwrap(), id);
    let refused = serde_json::from_str::<NationalId>(r#""99700427885""#).unwrap_err().to_string();
    assert!(refused.contains("the digit 8 is missing") && !refused.contains("99700427885"), "{refused}");
}

proptest! {
    #[test]
    fn any_text_is_refused_or_kept_as_written(text in "\\PC{0,70}") {
        if let Ok(id) = NationalId::parse(&text) {
            prop_assert_eq!(id.expose(), text.as_str());
        }
    }

    #[test]
    fn one_wrong_digit_always_warns(rank in 0_u64..1_000_000, place in 1_usize..12, by in 1_u8..10) {
        let right = (0..10).map(|key| format!("89970{rank:06}{key}"))
            .find(|text| !NationalId::parse(text).unwrap().luhn_warning()).unwrap();
        let mut bytes = right.into_bytes();
        bytes[place] = b'0' + (bytes[place] - b'0' + by) % 10;
        let wrong = NationalId::parse(std::str::from_utf8(&bytes).unwrap()).unwrap();
        prop_assert!(wrong.luhn_warning());
    }
}
