use sceau::base::{base64url, from_base64url};
use sceau::jose::{
    Algorithm, CompactJws, Jwk, JwkError, JwsError, KeyError, PrivateKey, PublicKey, SignatureError,
    StrictJsonError, Unverified, compact, signing_input,
};
use serde_json::{Value, json};

const MAX: usize = 16 * 1024;
const ALL: [Algorithm; 4] = [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256, Algorithm::EdDsa];

const A3_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p\
    c19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn a3_key() -> PublicKey {
    let jwk = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    });
    Jwk::parse(&jwk).unwrap().key
}

fn key() -> PrivateKey {
    PrivateKey::generate(Algorithm::Es256).unwrap()
}

fn token(key: &PrivateKey, header: &Value, claims: &Value) -> String {
    let input = signing_input(header, claims);
    let signature = key.sign(input.as_bytes()).unwrap();
    compact(input, &signature)
}

/// A token whose header and payload are any text.
fn raw(header: &str, payload: &str) -> String {
    format!("{}.{}.{}", base64url(header), base64url(payload), base64url([1; 64]))
}

fn reason(token: &str) -> JwsError {
    Unverified::parse(token, MAX).map(|_| ()).unwrap_err()
}

#[test]
fn a3_example_es256_verifies() {
    let verified = Unverified::parse(A3_TOKEN, MAX).unwrap().verify(&a3_key(), &[Algorithm::Es256]).unwrap();
    let claims = json!({"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true});
    assert_eq!(Value::Object(verified.claims), claims);
    assert_eq!(verified.header.alg, Algorithm::Es256);
}

#[test]
fn rfc8037_a4_example_ed25519_verifies() {
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbh\
        ijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let x = from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let key = PublicKey::ed25519(x.try_into().unwrap()).unwrap();
    let payload = CompactJws::parse(token, MAX).unwrap().verify(&key, &[Algorithm::EdDsa]).unwrap();
    assert_eq!(payload, b"Example of Ed25519 signing");
}

#[test]
fn s5_what_is_signed_is_read_back() {
    for alg in ALL {
        let key = PrivateKey::generate(alg).unwrap();
        let header = json!({"alg": alg.as_str(), "typ": "at+jwt", "kid": "k"});
        let claims = json!({"sub": "s", "é": [1.5, null, {"a": "\u{0}"}]});
        let unverified = Unverified::parse(&token(&key, &header, &claims), MAX).unwrap();
        assert_eq!(unverified.claims(), &claims);
        let verified = unverified.verify(key.public(), &[alg]).unwrap();
        assert_eq!(Value::Object(verified.claims), claims);
        assert_eq!(verified.header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(verified.header.kid.as_deref(), Some("k"));
        assert_eq!(verified.header.jwk, None);
    }
}

#[test]
fn s5_2_every_altered_character_is_refused() {
    for at in 0..A3_TOKEN.len() {
        let mut altered = A3_TOKEN.as_bytes().to_vec();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        let outcome = Unverified::parse(&altered, MAX).and_then(|token| token.verify(&a3_key(), &ALL));
        assert!(outcome.is_err(), "character {at}");
    }
}

#[test]
fn rfc8725_s3_1_algorithm_is_pinned_by_caller_and_key() {
    let key = key();
    let text = token(&key, &json!({"alg": "ES256"}), &json!({}));
    let verify = |text: &str, key: &PublicKey, allowed: &[Algorithm]| {
        Unverified::parse(text, MAX).unwrap().verify(key, allowed).map(|_| ())
    };
    assert_eq!(verify(&text, key.public(), &ALL), Ok(()));
    assert_eq!(verify(&text, key.public(), &[]), Err(JwsError::AlgorithmNotAllowed));
    assert_eq!(verify(&text, key.public(), &[Algorithm::Ps256]), Err(JwsError::AlgorithmNotAllowed));
    let invalid = |error| Err(JwsError::Signature(error));
    assert_eq!(verify(&text, self::key().public(), &ALL), invalid(SignatureError::Invalid));
    // The header claims another algorithm than the key has.
    let relabelled = token(&key, &json!({"alg": "RS256"}), &json!({}));
    assert_eq!(verify(&relabelled, key.public(), &ALL), invalid(SignatureError::WrongAlgorithm));
    // PS256 and RS256 share a key, not a signature.
    let rsa = PrivateKey::generate(Algorithm::Ps256).unwrap();
    let crossed = token(&rsa, &json!({"alg": "RS256"}), &json!({}));
    assert_eq!(verify(&crossed, rsa.public(), &ALL), invalid(SignatureError::Invalid));
}

#[test]
fn s4_1_1_none_and_symmetric_algorithms_are_refused() {
    for alg in
        ["none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "ES384", "es256", "RSA1_5", "dir"]
    {
        let header = json!({"alg": alg}).to_string();
        assert_eq!(reason(&raw(&header, "{}")), JwsError::UnknownAlgorithm, "{alg}");
    }
    let unsigned = format!("{}.{}.", base64url(r#"{"alg":"none"}"#), base64url("{}"));
    assert_eq!(reason(&unsigned), JwsError::NotCompact);
}

/// A-173.
#[test]
fn rfc8725_s2_1_public_keys_are_no_hmac_secrets() {
    use aws_lc_rs::hmac;
    let rsa = PrivateKey::generate(Algorithm::Rs256).unwrap();
    let PublicKey::Rsa(parts) = rsa.public() else { panic!("an RSA key") };
    let jwk = Jwk::from(rsa.public().clone()).to_json().to_string();
    let der =
        rcgen::PublicKeyData::subject_public_key_info(&rcgen::KeyPair::try_from(rsa.to_pkcs8()).unwrap());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64url(&der));
    for secret in [pem.as_bytes(), &der, jwk.as_bytes(), parts.n(), b""] {
        let input = signing_input(&json!({"alg": "HS256", "typ": "JWT"}), &json!({"sub": "admin"}));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
        assert_eq!(reason(&compact(input, tag.as_ref())), JwsError::UnknownAlgorithm);
        let input = signing_input(&json!({"alg": "RS256", "typ": "JWT"}), &json!({"sub": "admin"}));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
        let outcome =
            Unverified::parse(&compact(input, tag.as_ref()), MAX).unwrap().verify(rsa.public(), &ALL);
        assert_eq!(outcome, Err(JwsError::Signature(SignatureError::Invalid)));
    }
}

#[test]
fn s4_header_members_that_are_never_obeyed_are_refused() {
    let forbidden = JwsError::Forbidden;
    let table = [
        (json!({"alg": "ES256", "crit": ["exp"], "exp": 1}), forbidden("crit")),
        (json!({"alg": "ES256", "crit": []}), forbidden("crit")),
        (json!({"alg": "ES256", "b64": true}), forbidden("b64")),
        (json!({"alg": "ES256", "zip": "DEF"}), forbidden("zip")),
        (json!({"alg": "ES256", "jku": "https://evil.example/jwks"}), forbidden("jku")),
        (json!({"alg": "ES256", "x5u": "https://evil.example/x"}), forbidden("x5u")),
        (json!({"alg": "ES256", "x5c": []}), forbidden("x5c")),
        (json!({"alg": "ES256", "jwk": null}), forbidden("jwk")),
        (json!({"alg": "none", "crit": ["x"]}), forbidden("crit")),
    ];
    for (header, expected) in table {
        assert_eq!(reason(&raw(&header.to_string(), "{}")), expected, "{header}");
    }
}

#[test]
fn s4_malformed_headers_are_refused() {
    let header = JwsError::Header;
    let json = JwsError::HeaderJson;
    let many: Vec<String> = (0..40).map(|index| format!("\"m{index}\":0")).collect();
    let table = [
        ("{}".to_owned(), header("alg")),
        (r#"{"alg":null}"#.to_owned(), header("alg")),
        (r#"{"alg":["ES256"]}"#.to_owned(), header("alg")),
        (r#"["ES256"]"#.to_owned(), header("header")),
        (r#"{"alg":"ES256","typ":1}"#.to_owned(), header("typ")),
        (r#"{"alg":"ES256","typ":"a b"}"#.to_owned(), header("typ")),
        (format!(r#"{{"alg":"ES256","typ":"{}"}}"#, "t".repeat(65)), header("typ")),
        (r#"{"alg":"ES256","alg":"ES256"}"#.to_owned(), json(StrictJsonError::Duplicate)),
        (r#"{"alg":"none","\u0061lg":"ES256"}"#.to_owned(), json(StrictJsonError::Duplicate)),
        (r#"{"alg":"ES256","jwk":{"kty":"EC","kty":"oct"}}"#.to_owned(), json(StrictJsonError::Duplicate)),
        ("\u{feff}{\"alg\":\"ES256\"}".to_owned(), json(StrictJsonError::ByteOrderMark)),
        (r#"{"alg":"ES256"}{}"#.to_owned(), json(StrictJsonError::Trailing)),
        (r#"{"alg":"ES256""#.to_owned(), json(StrictJsonError::Syntax)),
        (format!("{{{}}}", many.join(",")), json(StrictJsonError::TooManyMembers)),
        (
            format!(r#"{{"alg":"ES256","a":{}{}}}"#, "[".repeat(9), "]".repeat(9)),
            json(StrictJsonError::TooDeep),
        ),
        (format!(r#"{{"alg":"ES256","a":"{}"}}"#, "x".repeat(9000)), json(StrictJsonError::TooLong)),
    ];
    for (text, expected) in table {
        assert_eq!(reason(&raw(&text, "{}")), expected, "{text:.60}");
    }
}

/// A-175.
#[test]
fn s4_1_4_kid_is_a_short_printable_string() {
    for kid in
        [json!(1), json!(null), json!(["k"]), json!({}), json!(""), json!("a\0b"), json!("k".repeat(129))]
    {
        let header = json!({"alg": "ES256", "kid": kid}).to_string();
        assert_eq!(reason(&raw(&header, "{}")), JwsError::Header("kid"), "{header:.60}");
    }
    let huge = json!({"alg": "ES256", "kid": "k".repeat(65_536)}).to_string();
    assert_eq!(reason(&raw(&huge, "{}")), JwsError::TooLong);
    for kid in ["../../dev/null", "x' OR '1'='1", &"k".repeat(128)] {
        let header = json!({"alg": "ES256", "kid": kid}).to_string();
        let parsed = Unverified::parse(&raw(&header, "{}"), MAX).unwrap();
        assert_eq!(parsed.header().kid.as_deref(), Some(kid));
    }
}

#[test]
fn rfc7519_s7_2_claims_are_one_strict_object() {
    let json = JwsError::ClaimsJson;
    let header = r#"{"alg":"ES256"}"#;
    let table = [
        (r#"{"sub":"a","sub":"b"}"#, json(StrictJsonError::Duplicate)),
        (r#"{"sub":"a","\u0073ub":"b"}"#, json(StrictJsonError::Duplicate)),
        (r#"{"a":[{"cnf":1,"cnf":2}]}"#, json(StrictJsonError::Duplicate)),
        ("foo", json(StrictJsonError::Syntax)),
        ("[]", JwsError::ClaimsNotObject),
        ("null", JwsError::ClaimsNotObject),
    ];
    for (payload, expected) in table {
        assert_eq!(reason(&raw(header, payload)), expected, "{payload}");
    }
    assert!(Unverified::parse(&raw(header, " {}\r\n"), MAX).is_ok(), "white space is JSON");
}

/// A-179, A-181.
#[test]
fn s7_1_only_strict_compact_form_is_read() {
    let (h, p, s) = (base64url(r#"{"alg":"ES256"}"#), base64url("{}"), base64url([0xFB; 64]));
    let general = json!({"payload": p, "signatures": [{"protected": h, "signature": s}]});
    let flattened = json!({"payload": p, "protected": h, "header": {"alg": "none"}, "signature": s});
    let table = [
        String::new(),
        "..".to_owned(),
        h.clone(),
        format!("{h}.{p}"),
        format!("{h}.{p}."),
        format!("{h}..{s}"),
        format!(".{p}.{s}"),
        format!("{h}.{p}.{s}."),
        format!("{h}.{p}.{s}.{s}.{s}"),
        format!("{h}.{p}.{s}="),
        format!("{h}.{p}.{s}=="),
        format!(" {h}.{p}.{s}"),
        format!("{h}.{p}.{s}\n"),
        format!("{h}.{p}.{}", s.replace('-', "+").replace('_', "/")),
        format!("{h}.e31.{s}"), // "{}" is e30: stray trailing bits
        format!("{h}.e\u{e9}0.{s}"),
        general.to_string(),
        flattened.to_string(),
        ".".repeat(10_000),
    ];
    assert!(Unverified::parse(&format!("{h}.{p}.{s}"), MAX).is_ok());
    for text in table {
        assert_eq!(reason(&text), JwsError::NotCompact, "{text:.60}");
    }
}

#[test]
fn size_is_checked_before_anything_else() {
    assert!(Unverified::parse(A3_TOKEN, A3_TOKEN.len()).is_ok());
    assert_eq!(Unverified::parse(A3_TOKEN, A3_TOKEN.len() - 1).map(|_| ()).unwrap_err(), JwsError::TooLong);
    assert_eq!(reason(&"\u{0}".repeat(MAX + 1)), JwsError::TooLong);
}

#[test]
fn rfc9449_s4_2_an_embedded_key_is_read_where_asked_for() {
    let key = key();
    let jwk = Jwk::from(key.public().clone());
    let header = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk});
    let text = token(&key, &header, &json!({"htm": "POST"}));
    assert_eq!(reason(&text), JwsError::Forbidden("jwk"));
    let unverified = Unverified::parse_with_embedded_key(&text, MAX).unwrap();
    let embedded = unverified.header().jwk.clone().unwrap();
    assert_eq!(embedded, jwk);
    assert!(unverified.verify(&embedded.key, &[Algorithm::Es256]).is_ok());
}

#[test]
fn rfc9449_s4_3_embedded_keys_that_are_refused() {
    let good = Jwk::from(a3_key()).to_json();
    let with = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        json!({"alg": "ES256", "jwk": jwk})
    };
    let table = [
        (json!({"alg": "ES256"}), JwsError::Header("jwk")),
        (json!({"alg": "ES256", "jwk": null}), JwsError::Jwk(JwkError::Malformed("jwk"))),
        (json!({"alg": "ES256", "jwk": {"kty": "oct", "k": "AA"}}), JwsError::Jwk(JwkError::Private)),
        (with("d", json!("AA")), JwsError::Jwk(JwkError::Private)),
        (with("y", good["x"].clone()), JwsError::Jwk(JwkError::Key(KeyError::OffCurve))),
        (with("crv", json!("P-521")), JwsError::Jwk(JwkError::Unsupported("crv"))),
    ];
    for (header, expected) in table {
        let outcome = Unverified::parse_with_embedded_key(&raw(&header.to_string(), "{}"), MAX);
        assert_eq!(outcome.map(|_| ()).unwrap_err(), expected, "{header}");
    }
}
