//! Addresses that people type: a good one with one trait changed each, and the reason.

use proptest::prelude::*;
use sceau::identity::{EmailFault, is_email, typed_email};

#[test]
fn an_address_is_taken_as_typed_without_the_blanks_around_it() {
    let longest = format!("{}@{}.{}.{}.fr", "a".repeat(64), "b".repeat(63), "c".repeat(63), "d".repeat(57));
    assert_eq!(longest.len(), 253);
    for good in
        ["camille@exemple.fr", "c.v+sante@sous.exemple.fr", "o'neil@xn--hpital-xxa.fr", "1@2.fr", &longest]
    {
        assert_eq!(typed_email(good), Ok(good));
    }
    assert_eq!(typed_email("  Camille@Exemple.fr\n"), Ok("Camille@Exemple.fr"));
}

#[test]
fn each_broken_rule_has_its_reason() {
    use EmailFault as F;
    let long_local = format!("{}@exemple.fr", "a".repeat(65));
    let long = format!("camille@{}fr", "abcdefgh.".repeat(28));
    let table = [
        ("", F::Empty),
        (" \t", F::Empty),
        ("camille", F::NoAt),
        ("camille.exemple.fr", F::NoAt),
        ("@exemple.fr", F::NoAt),
        ("camille@", F::NoAt),
        ("camille@a@exemple.fr", F::NoAt),
        (&long_local, F::TooLong),
        (&long, F::TooLong),
        ("cam ille@exemple.fr", F::Characters),
        ("camille\r\nbcc:x@exemple.fr", F::Characters),
        ("camillé@exemple.fr", F::Characters),
        ("<camille@exemple.fr", F::Characters),
        ("\"c\"@exemple.fr", F::Characters),
        ("c..v@exemple.fr", F::Characters),
        (".cv@exemple.fr", F::Characters),
        ("cv.@exemple.fr", F::Characters),
        ("camille@exemple", F::Domain),
        ("camille@exemple.", F::Domain),
        ("camille@.fr", F::Domain),
        ("camille@exemple..fr", F::Domain),
        ("camille@exem ple.fr", F::Domain),
        ("camille@hôpital.fr", F::Domain),
        ("camille@-exemple.fr", F::Domain),
        ("camille@exemple-.fr", F::Domain),
        ("camille@exem_ple.fr", F::Domain),
        ("camille@exemple.f", F::Domain),
        ("camille@192.0.2.10", F::Domain),
        ("camille@exemple.fr>", F::Domain),
    ];
    for (typed, fault) in table {
        assert_eq!(typed_email(typed), Err(fault), "{typed:?}");
    }
}

proptest! {
    #[test]
    fn what_is_taken_is_harmless_too(typed in "[ -~é\r\n]{0,12}@[a-z0-9.<> -]{0,12}") {
        if let Ok(email) = typed_email(&typed) {
            prop_assert!(is_email(email) && email.is_ascii());
        }
    }
}
