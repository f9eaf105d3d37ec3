//! Twin of `src/oauth/rfc7523_private_key_jwt.rs`.

use std::time::Duration;

use sceau::base::{ClientId, UnixTime, base64url};
use sceau::jose::{Algorithm, Jwk, JwkSet, PrivateKey, compact, signing_input};
use sceau::oauth::{
    AcceptedAssertion, AssertionError, AssertionPolicy, ErrorCode, OAuthError, claimed_client,
    validate_assertion,
};
use serde_json::{Value, json};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const ISSUER: &str = "https://id.example";
const POLICY: AssertionPolicy<'static> =
    AssertionPolicy { issuer: ISSUER, leeway: Duration::from_secs(10), max_lifetime: Duration::from_mins(5) };

struct Assertion {
    key: PrivateKey,
    registered: JwkSet,
    header: Value,
    claims: Value,
}

impl Assertion {
    fn good(alg: Algorithm) -> Self {
        let key = PrivateKey::generate(alg).unwrap();
        let jwk = Jwk { kid: Some("k1".to_owned()), ..Jwk::from(key.public().clone()) };
        let now = NOW.secs();
        Self {
            key,
            registered: JwkSet { keys: vec![jwk] },
            header: json!({ "alg": alg.as_str(), "kid": "k1" }),
            claims: json!({
                "iss": "c1", "sub": "c1", "aud": ISSUER, "iat": now, "exp": now + 60, "jti": "j1",
            }),
        }
    }

    fn token(&self) -> String {
        let input = signing_input(&self.header, &self.claims);
        let signature = self.key.sign(input.as_bytes()).unwrap();
        compact(input, &signature)
    }

    fn validate(&self) -> Result<AcceptedAssertion, AssertionError> {
        validate_assertion(&self.token(), &client("c1"), &self.registered, &POLICY, NOW)
    }
}

fn client(id: &str) -> ClientId {
    id.parse().unwrap()
}

#[test]
fn s3_good_assertion_of_each_algorithm_is_accepted() {
    for alg in [Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa] {
        let accepted = Assertion::good(alg).validate().unwrap();
        assert_eq!(accepted.expires, UnixTime::from_secs(NOW.secs() + 70), "{alg}");
    }
}

#[test]
fn s3_each_bad_claim_is_refused() {
    type Change = fn(&mut Value);
    let now = NOW.secs();
    assert_eq!(now, 1_800_000_000);
    let cases: &[(&str, Change, AssertionError)] = &[
        ("no iss", |c| drop(c.as_object_mut().unwrap().remove("iss")), AssertionError::Issuer),
        ("iss of another client", |c| c["iss"] = json!("c2"), AssertionError::Issuer),
        ("no sub", |c| drop(c.as_object_mut().unwrap().remove("sub")), AssertionError::Subject),
        ("sub differs from iss", |c| c["sub"] = json!("c2"), AssertionError::Subject),
        ("no aud", |c| drop(c.as_object_mut().unwrap().remove("aud")), AssertionError::Audience),
        ("aud token URL", |c| c["aud"] = json!("https://id.example/token"), AssertionError::Audience),
        ("aud PAR URL", |c| c["aud"] = json!("https://id.example/par"), AssertionError::Audience),
        ("aud array of the issuer", |c| c["aud"] = json!([ISSUER]), AssertionError::Audience),
        ("aud array with the issuer", |c| c["aud"] = json!([ISSUER, "x"]), AssertionError::Audience),
        ("aud with a slash", |c| c["aud"] = json!("https://id.example/"), AssertionError::Audience),
        ("aud other issuer", |c| c["aud"] = json!("https://evil.example"), AssertionError::Audience),
        ("aud a number", |c| c["aud"] = json!(1), AssertionError::Malformed),
        ("no exp", |c| drop(c.as_object_mut().unwrap().remove("exp")), AssertionError::NoExpiry),
        ("exp passed", |c| c["exp"] = json!(1_799_999_990), AssertionError::Expired),
        ("exp far ahead", |c| c["exp"] = json!(1_800_000_311), AssertionError::TooLongLived),
        ("exp in a year", |c| c["exp"] = json!(1_831_536_000), AssertionError::TooLongLived),
        ("exp a string", |c| c["exp"] = json!("1800000060"), AssertionError::Malformed),
        ("iat 61 s ahead", |c| c["iat"] = json!(1_800_000_061), AssertionError::NotYetValid),
        ("nbf 61 s ahead", |c| c["nbf"] = json!(1_800_000_061), AssertionError::NotYetValid),
        ("no jti", |c| drop(c.as_object_mut().unwrap().remove("jti")), AssertionError::Jti),
        ("empty jti", |c| c["jti"] = json!(""), AssertionError::Jti),
        ("long jti", |c| c["jti"] = json!("j".repeat(513)), AssertionError::Jti),
        ("jti a number", |c| c["jti"] = json!(1), AssertionError::Malformed),
    ];
    for (name, change, error) in cases {
        let mut assertion = Assertion::good(Algorithm::Es256);
        change(&mut assertion.claims);
        assert_eq!(assertion.validate(), Err(*error), "{name}");
    }
}

#[test]
fn s3_clock_eight_seconds_ahead_is_accepted() {
    for name in ["iat", "nbf"] {
        let mut assertion = Assertion::good(Algorithm::Es256);
        assertion.claims[name] = json!(NOW.secs() + 8);
        assert!(assertion.validate().is_ok(), "{name}");
    }
}

#[test]
fn s3_iat_is_optional() {
    let mut assertion = Assertion::good(Algorithm::Es256);
    assertion.claims.as_object_mut().unwrap().remove("iat");
    assert!(assertion.validate().is_ok());
}

#[test]
fn s3_each_bad_header_is_refused() {
    type Change = fn(&mut Value);
    let cases: &[(&str, Change, AssertionError)] = &[
        ("alg none", |h| h["alg"] = json!("none"), AssertionError::Algorithm),
        ("alg HS256", |h| h["alg"] = json!("HS256"), AssertionError::Algorithm),
        ("alg RS256", |h| h["alg"] = json!("RS256"), AssertionError::Algorithm),
        ("alg of another key", |h| h["alg"] = json!("PS256"), AssertionError::UnknownKey),
        ("typ of a DPoP proof", |h| h["typ"] = json!("dpop+jwt"), AssertionError::WrongType),
        ("typ of an access token", |h| h["typ"] = json!("at+jwt"), AssertionError::WrongType),
        ("unknown kid", |h| h["kid"] = json!("k2"), AssertionError::UnknownKey),
        ("kid a path", |h| h["kid"] = json!("../../dev/null"), AssertionError::UnknownKey),
        ("kid an array", |h| h["kid"] = json!(["k1"]), AssertionError::Malformed),
        ("jwk", |h| h["jwk"] = attacker_key(), AssertionError::Malformed),
        ("jku", |h| h["jku"] = json!("https://evil.example/jwks"), AssertionError::Malformed),
        ("x5u", |h| h["x5u"] = json!("https://evil.example/cert"), AssertionError::Malformed),
        ("crit", |h| h["crit"] = json!(["b64"]), AssertionError::Malformed),
    ];
    for (name, change, error) in cases {
        let mut assertion = Assertion::good(Algorithm::Es256);
        change(&mut assertion.header);
        assert_eq!(assertion.validate(), Err(*error), "{name}");
    }
}

fn attacker_key() -> Value {
    Jwk::from(PrivateKey::generate(Algorithm::Es256).unwrap().public().clone()).to_json()
}

#[test]
fn s3_typ_may_say_what_it_is() {
    for typ in ["JWT", "client-authentication+jwt"] {
        let mut assertion = Assertion::good(Algorithm::Es256);
        assertion.header["typ"] = json!(typ);
        assert!(assertion.validate().is_ok(), "{typ}");
    }
}

#[test]
fn s3_9_signature_of_an_unregistered_key_is_refused() {
    let mut assertion = Assertion::good(Algorithm::Es256);
    assertion.key = PrivateKey::generate(Algorithm::Es256).unwrap();
    assert_eq!(assertion.validate(), Err(AssertionError::Signature));
}

#[test]
fn s3_without_kid_only_an_unambiguous_key_is_used() {
    let mut assertion = Assertion::good(Algorithm::Es256);
    assertion.header.as_object_mut().unwrap().remove("kid");
    assert!(assertion.validate().is_ok());
    assertion.registered.keys.push(Jwk::parse(&attacker_key()).unwrap());
    assert_eq!(assertion.validate(), Err(AssertionError::UnknownKey));
}

#[test]
fn s3_rs256_assertion_is_refused_even_with_a_registered_key() {
    let assertion = Assertion::good(Algorithm::Rs256);
    assert_eq!(assertion.validate(), Err(AssertionError::Algorithm));
}

#[test]
fn s3_not_a_jwt_is_refused() {
    let good = Assertion::good(Algorithm::Es256);
    let token = good.token();
    let huge = "a".repeat(64 * 1024);
    let doubled = {
        let claims = good.claims.to_string().replacen('{', "{\"\\u0073ub\":\"c1\",", 1);
        let input = format!("{}.{}", base64url(good.header.to_string()), base64url(claims));
        let signature = good.key.sign(input.as_bytes()).unwrap();
        compact(input, &signature)
    };
    for text in ["", "a.b.c", &format!("{token}.x"), &format!("{token}="), &huge, &doubled] {
        let result = validate_assertion(text, &client("c1"), &good.registered, &POLICY, NOW);
        assert_eq!(result, Err(AssertionError::Malformed), "{text:.20}");
        assert_eq!(claimed_client(text), Err(AssertionError::Malformed), "{text:.20}");
    }
}

#[test]
fn s3_7_replay_key_is_of_client_and_jti() {
    let mut assertion = Assertion::good(Algorithm::Es256);
    let first = assertion.validate().unwrap().jti_hash;
    assertion.claims["exp"] = json!(NOW.secs() + 61);
    assert_eq!(assertion.validate().unwrap().jti_hash, first);
    assertion.claims["jti"] = json!("j2");
    assert_ne!(assertion.validate().unwrap().jti_hash, first);

    let mut other = Assertion::good(Algorithm::Es256);
    other.claims["iss"] = json!("c2");
    other.claims["sub"] = json!("c2");
    let accepted = validate_assertion(&other.token(), &client("c2"), &other.registered, &POLICY, NOW);
    assert_ne!(accepted.unwrap().jti_hash, first);
}

#[test]
fn rfc7521_s4_2_assertion_of_another_client_is_refused() {
    let assertion = Assertion::good(Algorithm::Es256);
    let result = validate_assertion(&assertion.token(), &client("c2"), &assertion.registered, &POLICY, NOW);
    assert_eq!(result, Err(AssertionError::Issuer));
}

#[test]
fn s3_1_claimed_client_is_read_without_a_key() {
    let mut assertion = Assertion::good(Algorithm::Es256);
    assert_eq!(claimed_client(&assertion.token()), Ok(client("c1")));
    for iss in [json!("not a client"), json!(""), json!(1), Value::Null] {
        assertion.claims["iss"] = iss;
        assert_eq!(claimed_client(&assertion.token()), Err(AssertionError::Issuer));
    }
}

#[test]
fn s3_2_every_refusal_looks_the_same_outside() {
    let expired = OAuthError::from(AssertionError::Expired);
    let unknown = OAuthError::from(AssertionError::UnknownKey);
    assert_eq!(expired.code, ErrorCode::InvalidClient);
    assert_eq!((expired.code, expired.public), (unknown.code, unknown.public));
    assert_ne!(expired.internal, unknown.internal);
}
