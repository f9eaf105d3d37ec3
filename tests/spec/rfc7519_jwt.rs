use std::time::Duration;

use sceau::base::UnixTime;
use sceau::jose::{Audience, JwtError, RegisteredClaims, TypRule, check_typ};
use serde_json::{Value, json};

const LEEWAY: Duration = Duration::from_secs(5);

fn good() -> Value {
    json!({
        "iss": "https://idp.example", "sub": "s", "aud": "c", "exp": 2000, "nbf": 1000, "iat": 1000, "jti": "j",
        "other": [1]
    })
}

fn parse(claims: &Value) -> Result<RegisteredClaims, JwtError> {
    RegisteredClaims::parse(claims.as_object().unwrap())
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

#[test]
fn s4_1_registered_claims_are_read() {
    let claims = parse(&good()).unwrap();
    assert_eq!(claims.iss.as_deref(), Some("https://idp.example"));
    assert_eq!(claims.sub.as_deref(), Some("s"));
    assert_eq!(claims.aud, Audience::One("c".to_owned()));
    assert_eq!(claims.exp, Some(UnixTime::from_secs(2000)));
    assert_eq!(claims.nbf, Some(UnixTime::from_secs(1000)));
    assert_eq!(claims.iat, Some(UnixTime::from_secs(1000)));
    assert_eq!(claims.jti.as_deref(), Some("j"));
}

#[test]
fn s4_1_every_registered_claim_is_optional() {
    assert_eq!(parse(&json!({})), Ok(RegisteredClaims::default()));
}

#[test]
fn s4_1_claims_of_another_type_are_malformed() {
    let table = [
        ("iss", json!(1)),
        ("iss", json!(null)),
        ("sub", json!(["s"])),
        ("jti", json!({})),
        ("aud", json!(1)),
        ("aud", json!([])),
        ("aud", json!(["c", 1])),
        ("aud", json!({"c": true})),
        ("exp", json!("2000")),
        ("exp", json!(null)),
        ("exp", json!(true)),
        ("exp", json!(-1)),
        ("exp", json!(253_402_300_800_u64)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        ("nbf", json!([1000])),
        ("iat", json!(-0.5)),
    ];
    for (name, value) in table {
        assert_eq!(parse(&with(name, value.clone())), Err(JwtError::Malformed(name)), "{name} = {value}");
    }
}

#[test]
fn s2_numeric_dates_may_have_decimals() {
    assert_eq!(parse(&with("exp", json!(2000.25))).unwrap().exp, Some(UnixTime::from_millis(2_000_250)));
    assert_eq!(parse(&with("exp", json!(0))).unwrap().exp, Some(UnixTime::from_secs(0)));
    let last = 253_402_300_799_i64;
    assert_eq!(parse(&with("exp", json!(last))).unwrap().exp, Some(UnixTime::from_secs(last)));
}

#[test]
fn s4_1_3_audience_of_one_and_of_many() {
    let many = parse(&with("aud", json!(["a", "c"]))).unwrap().aud;
    let one = parse(&good()).unwrap().aud;
    assert!(many.contains("c") && !many.contains("b") && !many.is_only("c"));
    assert!(one.contains("c") && one.is_only("c") && !one.is_only("C"));
    assert!(parse(&with("aud", json!(["c"]))).unwrap().aud.is_only("c"));
    assert!(!Audience::None.contains("") && !Audience::None.is_only(""));
}

#[test]
fn s4_1_4_to_6_times_hold_within_the_leeway() {
    let claims = parse(&good()).unwrap();
    let table = [
        (1500, Ok(())),
        (2004, Ok(())),
        (2005, Err(JwtError::Expired)),
        (995, Ok(())),
        (994, Err(JwtError::NotYetValid)),
    ];
    for (now, expected) in table {
        assert_eq!(claims.check_time(UnixTime::from_secs(now), LEEWAY), expected, "at {now}");
    }
    let ahead = parse(&with("iat", json!(1506))).unwrap();
    assert_eq!(ahead.check_time(UnixTime::from_secs(1500), LEEWAY), Err(JwtError::IssuedInFuture));
    assert_eq!(ahead.check_time(UnixTime::from_secs(1501), LEEWAY), Ok(()));
    assert_eq!(claims.check_time(UnixTime::from_secs(2000), Duration::ZERO), Err(JwtError::Expired));
}

#[test]
fn rfc8725_s3_11_required_type() {
    let rule = TypRule::Required("dpop+jwt");
    for typ in ["dpop+jwt", "DPoP+JWT", "application/dpop+jwt", "Application/DPOP+jwt"] {
        assert_eq!(check_typ(Some(typ), rule), Ok(()), "{typ}");
    }
    for typ in [
        None,
        Some(""),
        Some("JWT"),
        Some("at+jwt"),
        Some("application/"),
        Some("text/dpop+jwt"),
        Some("dpop"),
    ] {
        assert_eq!(check_typ(typ, rule), Err(JwtError::Typ), "{typ:?}");
    }
}

#[test]
fn rfc8725_s3_11_optional_type_refuses_other_kinds() {
    let rule = TypRule::Optional(&["client-authentication+jwt"]);
    for typ in [None, Some("JWT"), Some("jwt"), Some("application/jwt"), Some("client-authentication+jwt")] {
        assert_eq!(check_typ(typ, rule), Ok(()), "{typ:?}");
    }
    for typ in
        ["", "at+jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", "JWT ", "application/application/jwt", "é"]
    {
        assert_eq!(check_typ(Some(typ), rule), Err(JwtError::Typ), "{typ}");
    }
}
