use sceau::jose::{Algorithm, Jwk, JwkError, JwkSet, KeyError, KeyUse, PrivateKey, PublicKey};
use serde_json::{Value, json};

/// RFC 7515 A.3.1, public half.
fn good() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "alg": "ES256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    })
}

fn rsa(n: &[u8], e: &str) -> Value {
    json!({"kty": "RSA", "n": sceau::base::base64url(n), "e": e})
}

fn odd(first: u8, bytes: usize) -> Vec<u8> {
    let mut n = vec![0x55; bytes];
    n[0] = first;
    n
}

fn with(name: &str, value: Value) -> Value {
    let mut jwk = good();
    jwk[name] = value;
    jwk
}

fn without(name: &str) -> Value {
    let mut jwk = good();
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

fn named(kid: &str) -> Value {
    with("kid", json!(kid))
}

#[test]
fn s4_a_public_key_is_read_and_written_alike() {
    let jwk = Jwk::parse(&good()).unwrap();
    assert_eq!(jwk.kid.as_deref(), Some("one"));
    assert_eq!(jwk.alg, Some(Algorithm::Es256));
    assert_eq!(jwk.key_use, Some(KeyUse::Sig));
    assert_eq!(jwk.to_json(), good());
    assert_eq!(serde_json::from_value::<Jwk>(good()).unwrap(), jwk);
    assert_eq!(serde_json::to_value(&jwk).unwrap(), good());
}

#[test]
fn s4_generated_keys_of_every_kind_survive_json() {
    for alg in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256] {
        let key = PrivateKey::generate(alg).unwrap().public().clone();
        let jwk =
            Jwk { kid: Some(key.thumbprint().to_string()), alg: Some(alg), key_use: Some(KeyUse::Sig), key };
        assert_eq!(Jwk::parse(&jwk.to_json()), Ok(jwk));
    }
}

#[test]
fn s4_unknown_members_are_ignored() {
    assert_eq!(Jwk::parse(&with("x5c", json!(["MII"]))), Jwk::parse(&good()));
}

#[test]
fn s4_bad_members_are_named() {
    let malformed = JwkError::Malformed;
    let unsupported = JwkError::Unsupported;
    let short = "83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    let table = [
        (json!([]), malformed("jwk")),
        (without("kty"), malformed("kty")),
        (with("kty", json!(1)), malformed("kty")),
        (with("kty", json!("ec")), unsupported("kty")),
        (with("kty", json!("oct")), JwkError::Private),
        (with("kty", json!("RSA")), malformed("n")),
        (without("crv"), malformed("crv")),
        (with("crv", json!("P-384")), unsupported("crv")),
        (with("crv", json!("secp256k1")), unsupported("crv")),
        (without("x"), malformed("x")),
        (without("y"), malformed("y")),
        (with("x", json!(short)), malformed("x")),
        (with("x", json!(format!("{}=", good()["x"].as_str().unwrap()))), malformed("x")),
        (with("y", good()["x"].clone()), JwkError::Key(KeyError::OffCurve)),
        (with("kid", json!(7)), malformed("kid")),
        (with("kid", json!(["one"])), malformed("kid")),
        (with("kid", json!("")), malformed("kid")),
        (with("kid", json!("a\0")), malformed("kid")),
        (with("kid", json!("k".repeat(129))), malformed("kid")),
        (with("use", json!(1)), malformed("use")),
        (with("use", json!("tls")), unsupported("use")),
        (with("use", json!("enc")), malformed("alg")),
        (with("alg", json!(null)), malformed("alg")),
        (with("alg", json!("RS256")), malformed("alg")),
        (with("alg", json!("EdDSA")), malformed("alg")),
        (with("alg", json!("none")), unsupported("alg")),
        (with("alg", json!("HS256")), unsupported("alg")),
        (with("alg", json!("ES512")), unsupported("alg")),
        (with("key_ops", json!("verify")), malformed("key_ops")),
        (with("key_ops", json!(["deriveBits"])), malformed("key_ops")),
        (with("key_ops", json!(["sign"])), unsupported("key_ops")),
    ];
    for (jwk, expected) in table {
        assert_eq!(Jwk::parse(&jwk), Err(expected), "{jwk}");
    }
}

#[test]
fn s9_3_private_members_are_refused() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let jwk = with(name, json!("AA"));
        assert_eq!(Jwk::parse(&jwk), Err(JwkError::Private), "{name}");
        assert_eq!(JwkSet::parse(&json!({"keys": [good(), jwk]})), Err(JwkError::Private), "{name} in a set");
    }
    let null = with("d", Value::Null);
    assert_eq!(Jwk::parse(&null), Err(JwkError::Private));
}

#[test]
fn rfc7518_s6_3_rsa_keys_have_a_sound_size_and_exponent() {
    let weak = JwkError::Key(KeyError::WeakRsa);
    let table = [
        (rsa(&odd(0x80, 256), "AQAB"), None),
        (rsa(&odd(0x01, 257), "AQAB"), None),
        (rsa(&odd(0x80, 1024), "Aw"), None),
        (rsa(&odd(0x80, 128), "AQAB"), Some(weak)),
        (rsa(&odd(0x7F, 256), "AQAB"), Some(weak)),
        (rsa(&odd(0x01, 1025), "AQAB"), Some(weak)),
        (rsa(&[odd(0x80, 255), vec![0x54]].concat(), "AQAB"), Some(weak)),
        (rsa(&odd(0x80, 256), "AQ"), Some(weak)),
        (rsa(&odd(0x80, 256), "Ag"), Some(weak)),
        (rsa(&odd(0x80, 256), "AQAAAAE"), Some(weak)),
        (rsa(&odd(0x80, 256), ""), Some(JwkError::Key(KeyError::Malformed))),
        (rsa(&odd(0x80, 256), "AAEAAQ"), Some(JwkError::Key(KeyError::Malformed))),
        (rsa(&odd(0x00, 257), "AQAB"), Some(JwkError::Key(KeyError::Malformed))),
    ];
    for (jwk, expected) in table {
        assert_eq!(Jwk::parse(&jwk).err(), expected, "{:.40} {}", jwk["n"].as_str().unwrap(), jwk["e"]);
    }
}

#[test]
fn rfc8032_s5_1_3_ed25519_keys_are_canonical_points_of_large_order() {
    let low = |byte: u8| {
        let mut key = [0_u8; 32];
        key[0] = byte;
        key
    };
    let high = |first: u8, last: u8| {
        let mut key = [0xFF; 32];
        key[0] = first;
        key[31] = last;
        key
    };
    let mut negative_one = low(1);
    negative_one[31] = 0x80;
    let refused = [
        low(0),
        low(1),
        negative_one,
        high(0xEC, 0x7F),
        high(0xED, 0x7F),
        high(0xEE, 0x7F),
        high(0xEC, 0xFF),
        [0xFF; 32],
    ];
    for key in refused {
        assert_eq!(PublicKey::ed25519(key), Err(KeyError::OffCurve), "{key:?}");
    }
    assert!(PublicKey::ed25519(high(0xEB, 0x7F)).is_ok());
}

#[test]
fn s4_3_key_ops_stand_for_use() {
    let mut jwk = without("use");
    jwk["key_ops"] = json!(["verify"]);
    assert_eq!(Jwk::parse(&jwk).unwrap().key_use, Some(KeyUse::Sig));
    jwk.as_object_mut().unwrap().remove("alg");
    jwk["key_ops"] = json!(["deriveBits"]);
    assert_eq!(Jwk::parse(&jwk).unwrap().key_use, Some(KeyUse::Enc));
}

#[test]
fn s5_keys_not_understood_are_left_out() {
    let set = json!({"keys": [
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
        with("alg", json!("ES256K")),
        with("use", json!("tls")),
        rsa(&odd(0x80, 128), "AQAB"),
        good(),
    ], "other": 1});
    let set = JwkSet::parse(&set).unwrap();
    assert_eq!(set.keys, [Jwk::parse(&good()).unwrap()]);
    assert_eq!(serde_json::from_value::<JwkSet>(set.to_json()).unwrap(), set);
}

#[test]
fn s5_malformed_sets_are_refused() {
    let many =
        |count: usize| json!({"keys": (0..count).map(|index| named(&index.to_string())).collect::<Vec<_>>()});
    assert!(JwkSet::parse(&many(100)).is_ok());
    let table = [
        (json!({}), JwkError::Malformed("keys")),
        (json!({"keys": {}}), JwkError::Malformed("keys")),
        (json!([good()]), JwkError::Malformed("keys")),
        (json!({"keys": ["x"]}), JwkError::Malformed("jwk")),
        (json!({"keys": [without("y")]}), JwkError::Malformed("y")),
        (json!({"keys": [good(), good()]}), JwkError::DuplicateKid),
        (many(101), JwkError::TooMany),
    ];
    for (set, expected) in table {
        assert_eq!(JwkSet::parse(&set), Err(expected), "{set:.80}");
    }
}

#[test]
fn s4_5_find_by_kid_or_the_only_key_that_suits() {
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let mut enc = without("alg");
    enc["use"] = json!("enc");
    enc["kid"] = json!("enc");
    enc["alg"] = json!("ECDH-ES");
    let set = JwkSet::parse(&json!({"keys": [good(), ed, enc]})).unwrap();
    let kid = |name: Option<&str>, alg| set.find(name, alg).and_then(|jwk| jwk.kid.as_deref());
    assert_eq!(kid(Some("one"), Algorithm::Es256), Some("one"));
    assert_eq!(kid(None, Algorithm::Es256), Some("one"));
    assert_eq!(kid(None, Algorithm::EdDsa), Some("ed"));
    assert_eq!(kid(Some("ed"), Algorithm::Es256), None);
    assert_eq!(kid(Some("enc"), Algorithm::Es256), None);
    assert_eq!(kid(None, Algorithm::Ps256), None);
    // a foreign or hostile kid finds nothing.
    for other in ["../../dev/null", "' OR 1=1 --", "kid:*", "two", ""] {
        assert_eq!(kid(Some(other), Algorithm::Es256), None, "{other}");
    }
    let two = JwkSet::parse(&json!({"keys": [good(), named("two")]})).unwrap();
    assert_eq!(two.find(None, Algorithm::Es256), None);
    assert!(two.find(Some("two"), Algorithm::Es256).is_some());
}
