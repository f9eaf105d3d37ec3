//! RFC 7516 in compact form: our own tokens, those of Wycheproof and RFC 7520, and each wrong part of a good one.

use p256::pkcs8::EncodePrivateKey as _;
use std::sync::LazyLock;

use sceau::base::{SeededEntropy, base64url, from_base64url};
use sceau::jose::{
    CompactJwe, DecryptionKey, EncryptionKey, JweError, JwkError, KeyError, KeyManagement, PublicKey,
    StrictJsonError, encrypt,
};
use serde_json::{Value, json};

use super::wycheproof::{cases, hex, vectors};

const MAX: usize = 64 * 1024;
const PLAIN: &[u8] = b"eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl";

/// Keys made once: an RSA key takes seconds.
fn key(alg: KeyManagement) -> &'static DecryptionKey {
    static KEYS: LazyLock<[DecryptionKey; 3]> = LazyLock::new(three);
    KEYS.iter().find(|key| key.algorithm() == alg).unwrap()
}

fn other(alg: KeyManagement) -> &'static DecryptionKey {
    static KEYS: LazyLock<[DecryptionKey; 3]> = LazyLock::new(three);
    KEYS.iter().find(|key| key.algorithm() == alg).unwrap()
}

fn three() -> [DecryptionKey; 3] {
    let rsa = DecryptionKey::generate(KeyManagement::RsaOaep).unwrap();
    let same = DecryptionKey::from_pkcs8(KeyManagement::RsaOaep256, rsa.to_pkcs8()).unwrap();
    [rsa, same, DecryptionKey::generate(KeyManagement::EcdhEs).unwrap()]
}

fn entropy() -> SeededEntropy {
    SeededEntropy::new(7516)
}

fn token(key: &DecryptionKey) -> String {
    encrypt(PLAIN, key.public(), Some("JWT"), &entropy()).unwrap()
}

fn open(token: &str, key: &DecryptionKey) -> Result<Vec<u8>, JweError> {
    CompactJwe::parse(token, MAX)?.decrypt(key).map(|plain| plain.to_vec())
}

fn segments(token: &str) -> Vec<String> {
    token.split('.').map(str::to_owned).collect()
}

/// `token` with one segment replaced.
fn with(token: &str, at: usize, segment: &str) -> String {
    let mut segments = segments(token);
    segment.clone_into(&mut segments[at]);
    segments.join(".")
}

/// `token` with its header changed: no longer authenticated, but read before that matters.
fn reheaded(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut header: Value = serde_json::from_slice(&from_base64url(&segments(token)[0]).unwrap()).unwrap();
    change(&mut header);
    with(token, 0, &base64url(header.to_string()))
}

#[test]
fn s5_each_key_management_opens_what_it_made() {
    for alg in KeyManagement::ALL {
        let key = key(alg);
        let token = token(key);
        let jwe = CompactJwe::parse(&token, MAX).unwrap();
        assert_eq!(jwe.header().alg, alg);
        assert!(jwe.header().is_nested() && CompactJwe::is_shaped(&token));
        assert_eq!(jwe.header().kid, key.public().to_json()["kid"].as_str().map(str::to_owned));
        assert_eq!(jwe.decrypt(key).unwrap().as_slice(), PLAIN);
        let kept = DecryptionKey::from_pkcs8(alg, key.to_pkcs8()).unwrap();
        assert_eq!(open(&token, &kept).unwrap(), PLAIN);
        let other = other(alg);
        assert_eq!(open(&token, other), Err(JweError::Undecryptable));
    }
}

#[test]
fn s4_2_published_keys_say_what_they_are_for() {
    for alg in KeyManagement::ALL {
        let key = key(alg);
        let json = key.public().to_json();
        assert_eq!((&json["use"], &json["alg"]), (&json!("enc"), &json!(alg.as_str())));
        assert!(json.get("d").is_none());
        assert_eq!(EncryptionKey::parse(&json, alg).as_ref(), Ok(key.public()));
        let other =
            if alg == KeyManagement::RsaOaep { KeyManagement::RsaOaep256 } else { KeyManagement::RsaOaep };
        assert_eq!(EncryptionKey::parse(&json, other), Err(JwkError::Unsupported("alg")));
        if alg != KeyManagement::EcdhEs {
            assert_eq!(from_base64url(json["n"].as_str().unwrap()).unwrap().len(), 384, "3072 bits");
        }
        assert_eq!(format!("{key:?}"), format!("DecryptionKey({alg}, [redacted])"));
    }
    let mut json = key(KeyManagement::EcdhEs).public().to_json();
    json["use"] = json!("sig");
    assert_eq!(EncryptionKey::parse(&json, KeyManagement::EcdhEs), Err(JwkError::Unsupported("use")));
    let point = PublicKey::p256_from_sec1(
        &[
            &[4][..],
            &from_base64url(json["x"].as_str().unwrap()).unwrap(),
            &from_base64url(json["y"].as_str().unwrap()).unwrap(),
        ]
        .concat(),
    );
    assert_eq!(EncryptionKey::new(point.unwrap(), KeyManagement::RsaOaep, None), Err(KeyError::Malformed));
}

#[test]
fn s4_each_wrong_header_is_named() {
    type Row = (fn(&mut Value), JweError);
    let key = key(KeyManagement::EcdhEs);
    let good = token(key);
    let table: [Row; 24] = [
        (|h| h["zip"] = json!("DEF"), JweError::Forbidden("zip")),
        (|h| h["crit"] = json!(["exp"]), JweError::Forbidden("crit")),
        (|h| h["jku"] = json!("https://attacker.example/keys"), JweError::Forbidden("jku")),
        (|h| h["jwk"] = json!({}), JweError::Forbidden("jwk")),
        (|h| h["p2c"] = json!(1_000_000), JweError::Forbidden("p2c")),
        (|h| h["alg"] = json!("RSA1_5"), JweError::UnknownAlgorithm),
        (|h| h["alg"] = json!("dir"), JweError::UnknownAlgorithm),
        (|h| h["alg"] = json!("ECDH-ES+A256KW"), JweError::UnknownAlgorithm),
        (|h| h["alg"] = json!("ecdh-es"), JweError::UnknownAlgorithm),
        (|h| h["alg"] = json!(["ECDH-ES"]), JweError::Header("alg")),
        (|h| h["enc"] = json!("A128GCM"), JweError::UnknownEncryption),
        (|h| h["enc"] = json!("A256CBC-HS512"), JweError::UnknownEncryption),
        (|h| h["enc"] = Value::Null, JweError::Header("enc")),
        (|h| h["kid"] = json!("../../dev/null\0"), JweError::Header("kid")),
        (|h| h["kid"] = json!(["a"]), JweError::Header("kid")),
        (|h| h["cty"] = json!(1), JweError::Header("cty")),
        (|h| h["cty"] = json!("x".repeat(257)), JweError::Header("cty")),
        (|h| h["apu"] = json!("=="), JweError::Header("apu")),
        (|h| h["apv"] = json!(base64url([0; 257])), JweError::Header("apv")),
        (|h| drop(h.as_object_mut().unwrap().remove("epk")), JweError::Header("epk")),
        (|h| h["alg"] = json!("RSA-OAEP"), JweError::Forbidden("epk")),
        (|h| h["epk"]["d"] = json!("AA"), JweError::EphemeralKey(JwkError::Private)),
        (|h| h["epk"]["crv"] = json!("P-384"), JweError::EphemeralKey(JwkError::Unsupported("crv"))),
        // A point of another curve than the one it names (the invalid-curve attack on ECDH-ES).
        (
            |h| h["epk"]["y"] = h["epk"]["x"].clone(),
            JweError::EphemeralKey(JwkError::Key(KeyError::OffCurve)),
        ),
    ];
    for (change, expected) in table {
        let bad = reheaded(&good, change);
        assert_eq!(CompactJwe::parse(&bad, MAX).err(), Some(expected), "{bad}");
    }
    // The header is authenticated: a change that parses does not open.
    assert_eq!(open(&reheaded(&good, |h| h["cty"] = json!("jwt")), key), Err(JweError::Undecryptable));
    assert_eq!(open(&reheaded(&good, |h| h["apu"] = json!("QQ")), key), Err(JweError::Undecryptable));
    assert_eq!(open(&good, key).unwrap(), PLAIN);
}

#[test]
fn s4_duplicate_and_oversize_headers_are_refused() {
    let key = key(KeyManagement::EcdhEs);
    let good = token(key);
    let twice = base64url(br#"{"alg":"ECDH-ES","enc":"A256GCM","\u0061lg":"dir"}"#);
    assert_eq!(
        CompactJwe::parse(&with(&good, 0, &twice), MAX).err(),
        Some(JweError::HeaderJson(StrictJsonError::Duplicate))
    );
    let long = reheaded(&good, |h| h["x"] = json!("x".repeat(4096)));
    assert_eq!(CompactJwe::parse(&long, MAX).err(), Some(JweError::TooLong));
    assert_eq!(CompactJwe::parse(&good, good.len() - 1).err(), Some(JweError::TooLong));
}

#[test]
fn s7_1_only_five_canonical_segments() {
    let key = key(KeyManagement::EcdhEs);
    let good = token(key);
    let bad = [
        String::new(),
        String::from("...."),
        good.rsplit_once('.').unwrap().0.to_owned(),
        format!("{good}.AA"),
        format!("{good}="),
        format!(" {good}"),
        with(&good, 2, ""),
        with(&good, 3, ""),
        with(&good, 4, ""),
        with(&good, 4, "A"),
    ];
    for token in bad {
        assert_eq!(CompactJwe::parse(&token, MAX).err(), Some(JweError::NotCompact), "{token}");
    }
    assert!(!CompactJwe::is_shaped("a.b.c") && !CompactJwe::is_shaped("a.b.c.d.e.f"));
}

#[test]
fn s11_5_every_failure_of_decryption_has_one_answer() {
    for alg in [KeyManagement::EcdhEs, KeyManagement::RsaOaep256] {
        let key = key(alg);
        let good = token(key);
        let encrypted_key = &segments(&good)[1];
        let altered = |at: usize| {
            let mut bytes = from_base64url(&segments(&good)[at]).unwrap();
            bytes[0] ^= 1;
            with(&good, at, &base64url(bytes))
        };
        let mut bad = vec![
            altered(2),
            altered(3),
            altered(4),
            with(&good, 2, &base64url([0; 11])),
            with(&good, 2, &base64url([0; 16])),
            with(&good, 4, &base64url(&from_base64url(&segments(&good)[4]).unwrap()[..15])),
            with(&good, 4, &base64url([0; 17])),
            with(&good, 1, &format!("{encrypted_key}AAAA")),
        ];
        if alg == KeyManagement::RsaOaep256 {
            bad.extend([
                altered(1),
                with(&good, 1, ""),
                with(&good, 1, "AAAA"),
                with(&good, 1, &base64url([0xFF; 384])),
            ]);
        }
        for token in bad {
            assert_eq!(open(&token, key), Err(JweError::Undecryptable), "{alg} {token}");
        }
        assert_eq!(open(&good, key).unwrap(), PLAIN);
    }
}

#[test]
fn s11_5_a_key_that_does_not_unwrap_is_replaced_by_one_nobody_knows() {
    let key = key(KeyManagement::RsaOaep);
    // What an attacker would send if the stand-in for the key were zeros.
    let header = base64url(br#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    let cipher = aws_lc_rs::aead::UnboundKey::new(&aws_lc_rs::aead::AES_256_GCM, &[0; 32]).unwrap();
    let mut content = PLAIN.to_vec();
    let tag = aws_lc_rs::aead::LessSafeKey::new(cipher)
        .seal_in_place_separate_tag(
            aws_lc_rs::aead::Nonce::assume_unique_for_key([0; 12]),
            aws_lc_rs::aead::Aad::from(header.as_bytes()),
            &mut content,
        )
        .unwrap();
    let rest = [&[1; 384][..], &[0; 12], &content, tag.as_ref()].map(base64url).join(".");
    assert_eq!(open(&format!("{header}.{rest}"), key), Err(JweError::Undecryptable));
}

#[test]
fn rfc8725_s3_1_a_key_serves_its_own_algorithm_only() {
    let oaep = key(KeyManagement::RsaOaep);
    let same = DecryptionKey::from_pkcs8(KeyManagement::RsaOaep256, oaep.to_pkcs8()).unwrap();
    assert_eq!(open(&token(oaep), &same), Err(JweError::AlgorithmNotAllowed));
    assert_eq!(
        DecryptionKey::from_pkcs8(KeyManagement::EcdhEs, oaep.to_pkcs8()).err(),
        Some(KeyError::Malformed)
    );
}

#[test]
fn json_web_encryption_wycheproof_and_rfc_7520() {
    let Some(vectors) = vectors("json_web_encryption_test.json") else { return };
    let (mut opened, mut refused, mut foreign) = (Vec::new(), 0, 0);
    for (group, test) in cases(&vectors) {
        let private = &group["private"];
        let Some(key) = private_key(private) else {
            foreign += 1;
            continue;
        };
        let Some(jwe) = test["jwe"].as_str() else { continue };
        match open(jwe, &key) {
            Ok(plain) => {
                assert_eq!(test["result"], "valid", "{test}");
                if test.get("pt").is_some() {
                    assert_eq!(plain, hex(&test["pt"]), "{test}");
                }
                opened.push(test["comment"].as_str().unwrap().to_owned());
            }
            Err(JweError::UnknownEncryption | JweError::UnknownAlgorithm) => refused += 1,
            Err(_) => assert_eq!(test["result"], "invalid", "{test}"),
        }
    }
    let expected = ["acceptsEcdhEsA256Gcm", "acceptsRsaOaepA256GCM", "acceptsA256GCM", "Figure92"];
    assert!(expected.iter().all(|name| opened.iter().any(|own| own == name)), "{opened:?}");
    assert!(refused > 10 && foreign > 20, "{refused} {foreign}");
}

/// The key of a vector, if it is for one of our algorithms.
fn private_key(jwk: &Value) -> Option<DecryptionKey> {
    let alg: KeyManagement = jwk["alg"].as_str()?.parse().ok()?;
    let member = |name: &str| from_base64url(jwk[name].as_str().unwrap()).unwrap();
    let der = if alg == KeyManagement::EcdhEs {
        p256::SecretKey::from_slice(&member("d")).unwrap().to_pkcs8_der().unwrap().as_bytes().to_vec()
    } else {
        let numbers: Vec<u8> = std::iter::once(integer(&[0]))
            .chain(["n", "e", "d", "p", "q", "dp", "dq", "qi"].map(|name| integer(&member(name))))
            .flatten()
            .collect();
        // RFC 5958 2, RFC 8017 A.1.2
        let algorithm = hex(&json!("300d06092a864886f70d0101010500"));
        let key = der(0x04, &der(0x30, &numbers));
        der(0x30, &[integer(&[0]), algorithm, key].concat())
    };
    Some(DecryptionKey::from_pkcs8(alg, &der).unwrap())
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let padded = if bytes[0] >= 0x80 { [&[0], bytes].concat() } else { bytes.to_vec() };
    der(0x02, &padded)
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = match content.len() {
        0..128 => vec![tag, length[1]],
        128..256 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [header, content.to_vec()].concat()
}
