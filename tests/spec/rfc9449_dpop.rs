//! Twin of `src/oauth/rfc9449_dpop.rs`.

use std::time::Duration;

use sceau::base::{Secret, UnixTime, base64url, sha256};
use sceau::jose::{Algorithm, Jwk, PrivateKey, compact, signing_input};
use sceau::oauth::{DpopError, DpopExpectation, DpopProof, ErrorCode, OAuthError, validate_proof};
use serde_json::{Value, json};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const URI: &str = "https://id.example/token";

struct Proof {
    key: PrivateKey,
    header: Value,
    claims: Value,
}

impl Proof {
    fn good(alg: Algorithm) -> Self {
        let key = PrivateKey::generate(alg).unwrap();
        let jwk = Jwk::from(key.public().clone()).to_json();
        Self {
            key,
            header: json!({ "typ": "dpop+jwt", "alg": alg.as_str(), "jwk": jwk }),
            claims: json!({ "jti": "e1j3V_bKic8-LAEB", "htm": "POST", "htu": URI, "iat": NOW.secs() }),
        }
    }

    fn token(&self) -> String {
        let input = signing_input(&self.header, &self.claims);
        let signature = self.key.sign(input.as_bytes()).unwrap();
        compact(input, &signature)
    }
}

fn expectation() -> DpopExpectation<'static> {
    DpopExpectation { method: "POST", uri: URI, now: NOW, window: Duration::from_mins(1), access_token: None }
}

fn validate(proof: &Proof) -> Result<DpopProof, DpopError> {
    validate_proof(&[&proof.token()], &expectation())
}

#[test]
fn s4_3_good_proof_of_each_algorithm_is_accepted() {
    for alg in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256] {
        let proof = Proof::good(alg);
        let accepted = validate(&proof).unwrap();
        assert_eq!(accepted.jkt, proof.key.public().thumbprint(), "{alg}");
        assert_eq!((accepted.iat, accepted.nonce, accepted.ath), (NOW, None, None));
    }
}

#[test]
fn s4_3_1_only_one_header_with_one_jwt() {
    let token = Proof::good(Algorithm::Es256).token();
    let joined = format!("{token},{token}");
    let shouted = token.to_uppercase();
    let huge = "a".repeat(64 * 1024);
    let cut = token.rsplit_once('.').unwrap().0.to_owned();
    let cases: &[(&str, &[&str], DpopError)] = &[
        ("none", &[], DpopError::Missing),
        ("two headers", &[&token, &token], DpopError::Repeated),
        ("comma joined", &[&joined], DpopError::Malformed),
        ("upper case", &[&shouted], DpopError::Malformed),
        ("not a JWT", &["proof"], DpopError::Malformed),
        ("empty", &[""], DpopError::Malformed),
        ("no signature", &[&cut], DpopError::Malformed),
        ("64 KiB", &[&huge], DpopError::Malformed),
    ];
    for (name, values, error) in cases {
        assert_eq!(validate_proof(values, &expectation()), Err(*error), "{name}");
    }
}

#[test]
fn s4_3_each_bad_header_is_refused() {
    type Change = fn(&mut Value);
    let cases: &[(&str, Change, DpopError)] = &[
        ("no typ", |h| drop(h.as_object_mut().unwrap().remove("typ")), DpopError::WrongType),
        ("typ JWT", |h| h["typ"] = json!("JWT"), DpopError::WrongType),
        ("typ at+jwt", |h| h["typ"] = json!("at+jwt"), DpopError::WrongType),
        ("typ number", |h| h["typ"] = json!(1), DpopError::Malformed),
        ("alg none", |h| h["alg"] = json!("none"), DpopError::Algorithm),
        ("alg HS256", |h| h["alg"] = json!("HS256"), DpopError::Algorithm),
        ("alg RS256", |h| h["alg"] = json!("RS256"), DpopError::Algorithm),
        ("alg of another key", |h| h["alg"] = json!("EdDSA"), DpopError::Signature),
        ("no alg", |h| drop(h.as_object_mut().unwrap().remove("alg")), DpopError::Malformed),
        ("no jwk", |h| drop(h.as_object_mut().unwrap().remove("jwk")), DpopError::Malformed),
        ("jwk not an object", |h| h["jwk"] = json!("key"), DpopError::Malformed),
        ("private jwk", |h| h["jwk"]["d"] = json!("AAAA"), DpopError::Malformed),
        ("symmetric jwk", |h| h["jwk"] = json!({ "kty": "oct", "k": "AAAA" }), DpopError::Malformed),
        ("off curve", |h| h["jwk"]["x"] = json!(base64url([1; 32])), DpopError::Malformed),
        ("short coordinate", |h| h["jwk"]["x"] = json!(base64url([1; 31])), DpopError::Malformed),
        ("rsa 1024", |h| h["jwk"] = rsa(128, &[1, 0, 1]), DpopError::Malformed),
        ("rsa e=1", |h| h["jwk"] = rsa(256, &[1]), DpopError::Malformed),
        ("key for encryption", |h| h["jwk"]["use"] = json!("enc"), DpopError::Malformed),
        ("crit", |h| h["crit"] = json!(["exp"]), DpopError::Malformed),
        ("jku", |h| h["jku"] = json!("https://evil.example/jwks"), DpopError::Malformed),
    ];
    for (name, change, error) in cases {
        let mut proof = Proof::good(Algorithm::Es256);
        change(&mut proof.header);
        assert_eq!(validate(&proof), Err(*error), "{name}");
    }
}

fn rsa(modulus_bytes: usize, exponent: &[u8]) -> Value {
    json!({ "kty": "RSA", "n": base64url(vec![0xC5; modulus_bytes]), "e": base64url(exponent) })
}

#[test]
fn s4_3_7_signature_of_another_key_is_refused() {
    let mut proof = Proof::good(Algorithm::Es256);
    proof.key = PrivateKey::generate(Algorithm::Es256).unwrap();
    assert_eq!(validate(&proof), Err(DpopError::Signature));
}

#[test]
fn s4_3_each_bad_claim_is_refused() {
    type Change = fn(&mut Value);
    let cases: &[(&str, Change, DpopError)] = &[
        ("no htm", |c| drop(c.as_object_mut().unwrap().remove("htm")), DpopError::Method),
        ("htm GET", |c| c["htm"] = json!("GET"), DpopError::Method),
        ("htm lower case", |c| c["htm"] = json!("post"), DpopError::Method),
        ("no htu", |c| drop(c.as_object_mut().unwrap().remove("htu")), DpopError::Uri),
        ("no iat", |c| drop(c.as_object_mut().unwrap().remove("iat")), DpopError::IssuedAt),
        ("iat one hour ago", |c| c["iat"] = json!(NOW.secs() - 3600), DpopError::IssuedAt),
        ("iat in one hour", |c| c["iat"] = json!(NOW.secs() + 3600), DpopError::IssuedAt),
        ("iat in 61 s", |c| c["iat"] = json!(NOW.secs() + 61), DpopError::IssuedAt),
        ("iat a float", |c| c["iat"] = json!(1_800_000_000.5), DpopError::IssuedAt),
        ("iat a string", |c| c["iat"] = json!("1800000000"), DpopError::IssuedAt),
        ("iat negative", |c| c["iat"] = json!(-1_800_000_000), DpopError::IssuedAt),
        ("iat above 2^63", |c| c["iat"] = json!(u64::MAX), DpopError::IssuedAt),
        ("no jti", |c| drop(c.as_object_mut().unwrap().remove("jti")), DpopError::Jti),
        ("empty jti", |c| c["jti"] = json!(""), DpopError::Jti),
        ("jti a number", |c| c["jti"] = json!(7), DpopError::Jti),
        ("jti of 4 KiB", |c| c["jti"] = json!("j".repeat(4096)), DpopError::Jti),
        ("nonce a number", |c| c["nonce"] = json!(7), DpopError::Nonce),
        ("ath a number", |c| c["ath"] = json!(7), DpopError::AccessTokenHash),
    ];
    for (name, change, error) in cases {
        let mut proof = Proof::good(Algorithm::Es256);
        change(&mut proof.claims);
        assert_eq!(validate(&proof), Err(*error), "{name}");
    }
}

#[test]
fn s4_3_2_repeated_claim_is_refused() {
    let proof = Proof::good(Algorithm::Es256);
    let claims = proof.claims.to_string().replacen('{', "{\"htm\":\"POST\",", 1);
    let input = format!("{}.{}", base64url(proof.header.to_string()), base64url(claims));
    let signature = proof.key.sign(input.as_bytes()).unwrap();
    let token = compact(input, &signature);
    assert_eq!(validate_proof(&[&token], &expectation()), Err(DpopError::Malformed));
}

#[test]
fn s4_3_9_htu_is_compared_after_normalisation() {
    let cases = [
        ("https://id.example/token", true),
        ("https://id.example/token?a=b", true),
        ("https://id.example/token#f", true),
        ("HTTPS://ID.Example/token", true),
        ("https://id.example:443/token", true),
        ("https://id.example/%74oken", true),
        ("https://id.example/a/../token", true),
        ("https://id.example/token/", false),
        ("https://id.example/Token", false),
        ("https://id.example:8443/token", false),
        ("http://id.example/token", false),
        ("https://id.example.evil.example/token", false),
        ("https://user@id.example/token", false),
        ("https://id.example\\token", false),
        (" https://id.example/token", false),
        ("https://id.example/to\tken", false),
        ("https://id.example/tok%", false),
        ("/token", false),
        ("", false),
    ];
    for (htu, accepted) in cases {
        let mut proof = Proof::good(Algorithm::Es256);
        proof.claims["htu"] = json!(htu);
        let expected = if accepted { None } else { Some(DpopError::Uri) };
        assert_eq!(validate(&proof).err(), expected, "{htu:?}");
    }
}

#[test]
fn s4_3_9_escaped_reserved_characters_stay_apart() {
    let expect = DpopExpectation { uri: "https://id.example/a%2Fb", ..expectation() };
    for (htu, accepted) in [("https://id.example/a%2fb", true), ("https://id.example/a/b", false)] {
        let mut proof = Proof::good(Algorithm::Es256);
        proof.claims["htu"] = json!(htu);
        assert_eq!(validate_proof(&[&proof.token()], &expect).is_ok(), accepted, "{htu}");
    }
}

#[test]
fn s4_3_11_ten_seconds_either_side_are_accepted() {
    for offset in [-60, -10, 0, 10, 60] {
        let mut proof = Proof::good(Algorithm::Es256);
        proof.claims["iat"] = json!(NOW.secs() + offset);
        assert!(validate(&proof).is_ok(), "{offset}");
    }
}

#[test]
fn s11_1_wide_window_never_lets_the_future_in() {
    let expect = DpopExpectation { window: Duration::from_hours(1), ..expectation() };
    for (offset, accepted) in [(-3600, true), (-3601, false), (60, true), (61, false)] {
        let mut proof = Proof::good(Algorithm::Es256);
        proof.claims["iat"] = json!(NOW.secs() + offset);
        assert_eq!(validate_proof(&[&proof.token()], &expect).is_ok(), accepted, "{offset}");
    }
}

#[test]
fn s11_1_replay_key_is_of_key_address_and_jti() {
    let mut proof = Proof::good(Algorithm::Es256);
    let first = validate(&proof).unwrap().jti_hash;
    assert_eq!(validate(&proof).unwrap().jti_hash, first);

    // Another spelling of the address is the same proof.
    proof.claims["htu"] = json!("https://ID.example:443/token");
    assert_eq!(validate(&proof).unwrap().jti_hash, first);

    proof.claims["jti"] = json!("another");
    assert_ne!(validate(&proof).unwrap().jti_hash, first);

    let mut other = Proof::good(Algorithm::Es256);
    assert_ne!(validate(&other).unwrap().jti_hash, first);

    other.claims["htu"] = json!("https://id.example/par");
    let expect = DpopExpectation { uri: "https://id.example/par", ..expectation() };
    let elsewhere = validate_proof(&[&other.token()], &expect).unwrap().jti_hash;
    other.claims["htu"] = json!(URI);
    assert_ne!(validate(&other).unwrap().jti_hash, elsewhere);
}

#[test]
fn s7_1_ath_is_required_and_right_with_an_access_token() {
    let access_token = Secret::new("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU".to_owned());
    let right = base64url(sha256(&[access_token.expose().as_bytes()]));
    // RFC 9449 7.1, figure 13.
    assert_eq!(right, "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    let expect = DpopExpectation { access_token: Some(&access_token), ..expectation() };
    let wrong = base64url(sha256(&[b"another"]));
    let refused = Err(DpopError::AccessTokenHash);
    for (name, ath, result) in [
        ("right", Some(right.clone()), Ok(Some(right))),
        ("absent", None, refused.clone()),
        ("of another token", Some(wrong), refused.clone()),
        ("empty", Some(String::new()), refused),
    ] {
        let mut proof = Proof::good(Algorithm::Es256);
        if let Some(ath) = ath {
            proof.claims["ath"] = json!(ath);
        }
        assert_eq!(validate_proof(&[&proof.token()], &expect).map(|proof| proof.ath), result, "{name}");
    }
}

#[test]
fn s5_every_refusal_is_invalid_dpop_proof() {
    let error = OAuthError::from(DpopError::Uri);
    assert_eq!(error.code, ErrorCode::InvalidDpopProof);
    assert_eq!(error.internal, "htu is not the address of the request");
}
