//! Traits of the civil register: birth date, places, names, and the rules between them.

use jiff::civil::date;
use sceau::identity::{
    BirthDate, CogCommune, CogCountry, MAX_GIVEN_NAMES, MAX_NAME, Pivot, PivotError, PivotTraits, Sex,
};

fn good() -> PivotTraits {
    PivotTraits {
        family_name: String::from("Marchand"),
        given_names: vec![String::from("Claire")],
        sex: Sex::Female,
        birth_date: BirthDate::parse("1984-05-17").unwrap(),
        birth_place: Some(CogCommune::parse("75112").unwrap()),
        birth_country: CogCountry::parse("99100").unwrap(),
    }
}

#[test]
fn the_three_forms_of_a_birth_date() {
    for (text, presumed) in [
        ("1984-05-17", false),
        ("1984-02-29", false),
        ("1978-06-00", true),
        ("1949-00-00", true),
        ("0001-01-01", false),
    ] {
        let date = BirthDate::parse(text).unwrap();
        assert_eq!((date.to_string().as_str(), date.is_presumed()), (text, presumed));
    }
}

#[test]
fn other_forms_and_days_that_never_were_are_refused() {
    let wrong = [
        "",
        "1984",
        "1984-05",
        "1984-5-17",
        "84-05-17",
        "1984-05-17T00:00",
        "1984/05/17",
        "19840517",
        "1984-05-17-",
        "1984-13-01",
        "1984-05-32",
        "1984-04-31",
        "1985-02-29",
        "1900-02-29",
        "1984-00-17",
        "1984-13-00",
        "0000-01-01",
        "0000-00-00",
        "-984-05-17",
        "+984-05-17",
        " 1984-05-17",
        "1984-05-1\u{667}",
        "1984-05-+1",
    ];
    for text in wrong {
        assert!(BirthDate::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_presumed_date_counts_from_the_first_day_it_may_be() {
    let cases = [
        ("2010-06-15", date(2026, 6, 14), true),
        ("2010-06-15", date(2026, 6, 15), false),
        ("2010-06-00", date(2026, 5, 31), true),
        ("2010-06-00", date(2026, 6, 1), false),
        ("2010-00-00", date(2025, 12, 31), true),
        ("2010-00-00", date(2026, 1, 1), false),
        ("2008-02-29", date(2024, 2, 28), true),
        ("2008-02-29", date(2024, 2, 29), false),
        ("2084-02-29", date(2100, 3, 1), false),
    ];
    for (born, today, under) in cases {
        assert_eq!(BirthDate::parse(born).unwrap().surely_under(16, today), under, "{born} on {today}");
    }
}

#[test]
fn geographic_codes() {
    for text in ["75112", "2A004", "2B033", "97105", "00000"] {
        assert_eq!(CogCommune::parse(text).unwrap().as_str(), text);
    }
    for text in ["", "7511", "751120", "2C004", "2a004", "A2004", "752A4", "7511\u{662}", "75 12"] {
        assert!(CogCommune::parse(text).is_err(), "{text:?}");
    }
    for (text, france) in [("99100", true), ("99351", false), ("99000", false)] {
        let country = CogCountry::parse(text).unwrap();
        assert_eq!((country.as_str(), country.is_france()), (text, france));
    }
    for text in ["", "9910", "991000", "98100", "100", "FR", "9910A", "FRANC"] {
        assert!(CogCountry::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn each_wrong_trait_has_its_reason() {
    assert!(Pivot::new(good()).is_ok());
    let names = ["", " ", "-", "'’ -", "1234", "Mar\u{7}chand", "Marchand\n", " Marchand", "Марченко"];
    for name in names.map(str::to_owned).into_iter().chain(["é".repeat(MAX_NAME + 1)]) {
        let family = PivotTraits { family_name: name.clone(), ..good() };
        assert_eq!(Pivot::new(family), Err(PivotError::FamilyName), "{name:?}");
        let given = PivotTraits { given_names: vec![String::from("Claire"), name.clone()], ..good() };
        assert_eq!(Pivot::new(given), Err(PivotError::GivenNames), "{name:?}");
    }
    for count in [0, MAX_GIVEN_NAMES + 1] {
        let given_names = vec![String::from("Claire"); count];
        assert_eq!(Pivot::new(PivotTraits { given_names, ..good() }), Err(PivotError::GivenNames));
    }
    let nowhere = PivotTraits { birth_place: None, ..good() };
    assert_eq!(Pivot::new(nowhere), Err(PivotError::PlaceMissing));
    let abroad = PivotTraits { birth_country: CogCountry::parse("99351").unwrap(), ..good() };
    assert_eq!(Pivot::new(abroad.clone()), Err(PivotError::PlaceAbroad));
    assert!(Pivot::new(PivotTraits { birth_place: None, ..abroad }).is_ok());
    assert!(Pivot::new(PivotTraits { family_name: "é".repeat(MAX_NAME), ..good() }).is_ok());
}

#[test]
fn debug_shows_nothing_and_serde_checks() {
    let pivot = Pivot::new(good()).unwrap();
    let shown = format!("{pivot:?} {:?} {:?} {:?}", good(), good().birth_date, good().birth_place);
    for part in ["Marchand", "Claire", "1984", "75112", "emale"] {
        assert!(!shown.contains(part), "{shown}");
    }
    let stored = serde_json::to_string(&pivot).unwrap();
    assert_eq!(serde_json::from_str::<Pivot>(&stored).unwrap(), pivot);
    assert!(serde_json::from_str::<Pivot>(&stored.replace("99100", "99351")).is_err());
    assert!(serde_json::from_str::<Pivot>(&stored.replace("-17", "-32")).is_err());
}
