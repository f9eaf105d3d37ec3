//! The number: uniform, distinct, two digits, unseen.

use sceau::approval::{Number, NumberSource};
use sceau::base::{Entropy, SeededEntropy};

#[test]
fn drawn_numbers_avoid_those_taken_until_none_is_left() {
    let entropy = SeededEntropy::new(7);
    let mut taken = Vec::new();
    while let Some(number) = Number::draw(&entropy, &taken) {
        assert!(!taken.contains(&number));
        taken.push(number);
    }
    assert_eq!(taken.len(), 100);
    assert_eq!(Number::draw(&entropy, &taken), None);
}

#[test]
fn each_number_is_as_likely_as_any_other() {
    let entropy = SeededEntropy::new(11);
    let mut seen = [0_u32; 100];
    for _ in 0..20_000 {
        seen[Number::draw(&entropy, &[]).unwrap().expose().parse::<usize>().unwrap()] += 1;
    }
    // Chi-square with 99 degrees of freedom: above 161 once in ten thousand; 128 of the modulo bias alone give 1000.
    let chi: f64 = seen.iter().map(|&n| (f64::from(n) - 200.0).powi(2) / 200.0).sum();
    assert!(chi < 161.0, "{chi}");
}

#[test]
fn bytes_of_the_incomplete_run_are_drawn_again() {
    struct Bytes(std::sync::Mutex<Vec<u8>>);
    impl Entropy for Bytes {
        fn fill(&self, buffer: &mut [u8]) {
            buffer[0] = self.0.lock().unwrap().pop().unwrap();
        }
    }
    let draw = |bytes: &[u8]| {
        let entropy = Bytes(std::sync::Mutex::new(bytes.iter().rev().copied().collect()));
        Number::draw(&entropy, &[]).unwrap().expose().to_owned()
    };
    assert_eq!(draw(&[199]), "99");
    assert_eq!(draw(&[200, 255, 5]), "05");
}

#[test]
fn only_two_ascii_digits_are_a_number() {
    assert_eq!(Number::parse("07").unwrap().expose(), "07");
    for bad in ["", "7", "007", " 7", "7 ", "+7", "-1", "a1", "0x", "٠٧", "７7", "07\n"] {
        assert_eq!(Number::parse(bad), None, "{bad:?}");
    }
}

#[test]
fn a_number_matches_itself_only() {
    let number = Number::parse("07").unwrap();
    assert!(number.matches("07"));
    for wrong in ["", "7", "70", "007", "07 ", "08"] {
        assert!(!number.matches(wrong), "{wrong:?}");
    }
}

#[test]
fn a_number_is_not_printed_but_is_stored() {
    let source = NumberSource::Returned(Number::parse("47").unwrap());
    assert!(!format!("{source:?}").contains("47"));
    let stored = serde_json::to_string(&source).unwrap();
    assert_eq!(stored, r#"{"source":"returned","number":"47"}"#);
    assert_eq!(serde_json::from_str::<NumberSource>(&stored).unwrap(), source);
    assert_eq!(serde_json::from_str::<NumberSource>(r#"{"source":"none"}"#).unwrap().number(), None);
    assert!(serde_json::from_str::<NumberSource>(r#"{"source":"ours","number":"4"}"#).is_err());
}
