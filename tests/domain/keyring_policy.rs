//! The policy: what is shipped, and orderings that cannot be followed.

use std::time::Duration;

use sceau::keyring::{KeyPolicy, SHIPPED_POLICY};

#[test]
fn the_shipped_policy_is_the_default() {
    let shipped = KeyPolicy::parse(SHIPPED_POLICY).unwrap();
    assert_eq!(shipped, KeyPolicy::default());
    assert_eq!(shipped.lead, Duration::from_hours(26));
    assert_eq!(shipped.least_lead(), Duration::from_secs(690));
}

#[test]
fn impossible_policies_are_refused_with_a_sentence() {
    let table = [
        ("lead = \"26h\"", "lead = \"689s\"", "lead must be at least jwks_max_age + poll + skew"),
        ("rotation = \"90d\"", "rotation = \"26h\"", "rotation must be longer than lead"),
        ("retirement = \"26h\"", "retirement = \"659s\"", "retirement must be at least longest_token_life"),
        (
            "longest_token_life = \"600s\"",
            "longest_token_life = \"94000s\"",
            "retirement must be at least longest_token_life",
        ),
        ("jwks_max_age = \"600s\"", "jwks_max_age = \"0s\"", "zero duration: jwks_max_age"),
        ("poll = \"30s\"", "poll = \"0s\"", "zero duration: poll"),
        ("verify_one_in = 64", "verify_one_in = 0", "verify_one_in must be at least 1"),
        ("verify_one_in = 64", "verify_one_in = \"64\"", "cannot be read"),
        ("[\"ES256\"]", "[]", "keeps no signing algorithm"),
        ("[\"ES256\"]", "[\"HS256\"]", "lists a signing algorithm"),
        ("[\"ES256\"]", "[\"none\"]", "lists a signing algorithm"),
        ("[\"ES256\"]", "[\"ES256\", \"ES256\"]", "lists a signing algorithm"),
        ("lead = \"26h\"", "lead = \"26h\"\ndecryption = [\"RSA1_5\"]", "cannot be read"),
        ("lead = \"26h\"", "lead = \"26\"", "cannot be read"),
        ("lead = \"26h\"", "lead = \"-26h\"", "cannot be read"),
        ("lead = \"26h\"", "lead = \"h\"", "cannot be read"),
        ("lead = \"26h\"", "lead = \"99999999999999999999h\"", "cannot be read"),
        ("lead = \"26h\"", "lead = 26", "cannot be read"),
        ("lead = \"26h\"", "", "cannot be read"),
        ("lead = \"26h\"", "lead = \"26h\"\nleed = \"26h\"", "cannot be read"),
    ];
    for (good, bad, sentence) in table {
        assert_eq!(SHIPPED_POLICY.matches(good).count(), 1, "{good}");
        let refused = KeyPolicy::parse(&SHIPPED_POLICY.replace(good, bad)).unwrap_err().to_string();
        assert!(refused.contains(sentence), "{bad}: {refused}");
    }
}

#[test]
fn the_least_possible_policy_is_accepted() {
    let least = SHIPPED_POLICY
        .replace("lead = \"26h\"", "lead = \"690s\"")
        .replace("rotation = \"90d\"", "rotation = \"691s\"")
        .replace("retirement = \"26h\"", "retirement = \"660s\"");
    assert!(KeyPolicy::parse(&least).is_ok());
}
