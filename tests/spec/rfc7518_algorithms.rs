use p256::pkcs8::EncodePrivateKey as _;
use sceau::base::from_base64url;
use sceau::jose::{Algorithm, KeyError, PrivateKey, PublicKey, SignatureError, UnknownAlgorithm};
use serde_json::json;

use super::wycheproof;

const ALL: [Algorithm; 4] = [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256, Algorithm::EdDsa];

fn bytes(text: &str) -> [u8; 32] {
    from_base64url(text).unwrap().try_into().unwrap()
}

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// A positive ASN.1 integer.
fn der_integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap();
    let mut digits = bytes[start..].to_vec();
    if digits[0] >= 0x80 {
        digits.insert(0, 0);
    }
    [vec![2, u8::try_from(digits.len()).unwrap()], digits].concat()
}

#[test]
fn s3_1_names_are_exact() {
    for alg in ALL {
        assert_eq!(alg.as_str().parse(), Ok(alg));
        assert_eq!(serde_json::to_value(alg).unwrap(), json!(alg.as_str()));
        assert_eq!(serde_json::from_value::<Algorithm>(json!(alg.as_str())).unwrap(), alg);
    }
    for name in ["", "none", "None", "HS256", "HS512", "es256", "ES384", "ES256 ", "RS1", "Ed25519", "RSA1_5"]
    {
        assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name}");
    }
}

#[test]
fn s3_each_key_signs_and_verifies_only_its_message_and_algorithm() {
    for alg in ALL {
        let key = PrivateKey::generate(alg).unwrap();
        let signature = key.sign(b"message").unwrap();
        assert_eq!(key.public().verify(alg, b"message", &signature), Ok(()), "{alg}");
        assert_eq!(key.public().verify(alg, b"massage", &signature), Err(SignatureError::Invalid), "{alg}");
        assert_eq!(key.public().verify(alg, b"message", b""), Err(SignatureError::Invalid), "{alg}");
        let stranger = PrivateKey::generate(alg).unwrap();
        assert_eq!(
            stranger.public().verify(alg, b"message", &signature),
            Err(SignatureError::Invalid),
            "{alg}"
        );
        for other in ALL.into_iter().filter(|other| *other != alg) {
            let expected = if key.public().algorithms().contains(&other) {
                SignatureError::Invalid
            } else {
                SignatureError::WrongAlgorithm
            };
            assert_eq!(key.public().verify(other, b"message", &signature), Err(expected), "{alg} as {other}");
        }
    }
}

#[test]
fn keys_survive_pkcs8_and_only_as_their_kind() {
    for alg in ALL {
        let key = PrivateKey::generate(alg).unwrap();
        let again = PrivateKey::from_pkcs8(alg, key.to_pkcs8()).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(again.algorithm(), alg);
        assert_eq!(again.to_pkcs8(), key.to_pkcs8());
        assert_eq!(format!("{key:?}"), format!("PrivateKey({alg}, [redacted])"));
        for other in ALL.into_iter().filter(|other| !key.public().algorithms().contains(other)) {
            assert_eq!(
                PrivateKey::from_pkcs8(other, key.to_pkcs8()).err(),
                Some(KeyError::Malformed),
                "{alg} as {other}"
            );
        }
        let truncated = &key.to_pkcs8()[1..];
        assert_eq!(PrivateKey::from_pkcs8(alg, truncated).err(), Some(KeyError::Malformed));
    }
}

#[test]
fn a_key_of_the_p256_crate_is_read() {
    let scalar = bytes("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"); // RFC 7515 A.3.1
    let secret = p256::SecretKey::from_slice(&scalar).unwrap();
    let key = PrivateKey::from_pkcs8(Algorithm::Es256, secret.to_pkcs8_der().unwrap().as_bytes()).unwrap();
    let x = bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    let y = bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    assert_eq!(key.public(), &PublicKey::p256(&x, &y).unwrap());
}

#[test]
fn s3_4_es256_signatures_are_exactly_64_bytes_in_range() {
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    let good = key.sign(b"m").unwrap();
    assert_eq!(good.len(), 64);
    let (r, s) = good.split_at(32);
    let body = [der_integer(r), der_integer(s)].concat();
    let der = [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat();
    let zero = [0; 32];
    let mut one = zero;
    one[31] = 1;
    let table = [
        ("psychic, r = s = 0", vec![0; 64]),
        ("r = 0", [&zero, s].concat()),
        ("s = 0", [r, &zero].concat()),
        ("r = s = 1", [one, one].concat()),
        ("r = s = n", [ORDER, ORDER].concat()),
        ("s = n", [r, &ORDER].concat()),
        ("63 bytes", good[..63].to_vec()),
        ("65 bytes", [good.as_slice(), &[0]].concat()),
        ("65 bytes, led by zero", [&[0], good.as_slice()].concat()),
        ("DER", der),
        ("swapped", [s, r].concat()),
        ("empty", Vec::new()),
    ];
    for (name, signature) in table {
        assert_eq!(
            key.public().verify(Algorithm::Es256, b"m", &signature),
            Err(SignatureError::Invalid),
            "{name}"
        );
    }
}

#[test]
fn rfc8032_s5_1_7_ed25519_s_must_be_below_the_order() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let key = PrivateKey::generate(Algorithm::EdDsa).unwrap();
    let mut signature = key.sign(b"m").unwrap();
    let mut carry = 0;
    for (digit, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*digit) + u16::from(order) + carry;
        *digit = u8::try_from(sum % 256).unwrap();
        carry = sum / 256;
    }
    assert_eq!(key.public().verify(Algorithm::EdDsa, b"m", &signature), Err(SignatureError::Invalid));
}

#[test]
fn keys_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<PrivateKey>();
    shared::<PublicKey>();
    shared::<sceau::jose::Sealer>();
}

/// CVE-2017-15361.
#[test]
fn rsa_moduli_of_the_flawed_card_generator_are_refused() {
    let Some(vectors) = wycheproof::vectors("json_web_key_test.json") else { return };
    let group =
        vectors["testGroups"].as_array().unwrap().iter().find(|group| group["comment"] == "jws_rsa_roca_key");
    let key = &group.unwrap()["public"]["keys"][0];
    let n = from_base64url(key["n"].as_str().unwrap()).unwrap();
    assert_eq!(PublicKey::rsa(&n, &[1, 0, 1]), Err(KeyError::WeakRsa));
    let mut sound = n.clone();
    sound[100] ^= 1;
    assert!(PublicKey::rsa(&sound, &[1, 0, 1]).is_ok(), "only the residues were wrong with it");
}

#[test]
fn p256_points_are_on_the_curve() {
    let x = bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    let y = bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    let key = PublicKey::p256(&x, &y).unwrap();
    let compressed = [&[3], x.as_slice()].concat();
    assert_eq!(PublicKey::p256_from_sec1(&compressed).unwrap(), key);
    assert_eq!(PublicKey::p256(&y, &x), Err(KeyError::OffCurve));
    assert_eq!(PublicKey::p256(&[0; 32], &[0; 32]), Err(KeyError::OffCurve));
    assert_eq!(PublicKey::p256(&[0xFF; 32], &y), Err(KeyError::OffCurve));
    for point in [&[][..], &[0], &[4], &compressed[..32]] {
        assert_eq!(PublicKey::p256_from_sec1(point), Err(KeyError::OffCurve), "{point:?}");
    }
}

#[test]
fn wycheproof_ecdsa_p256_p1363() {
    let Some(vectors) = wycheproof::vectors("ecdsa_secp256r1_sha256_p1363_test.json") else { return };
    for (group, test) in wycheproof::cases(&vectors) {
        let key = PublicKey::p256_from_sec1(&wycheproof::hex(&group["publicKey"]["uncompressed"])).unwrap();
        let outcome =
            key.verify(Algorithm::Es256, &wycheproof::hex(&test["msg"]), &wycheproof::hex(&test["sig"]));
        assert_eq!(outcome.is_ok(), test["result"] == "valid", "{test}");
    }
}

#[test]
fn wycheproof_rsa_pss_2048() {
    let Some(vectors) = wycheproof::vectors("rsa_pss_2048_sha256_mgf1_32_test.json") else { return };
    for (group, test) in wycheproof::cases(&vectors) {
        let n = wycheproof::hex(&group["publicKey"]["modulus"]);
        let e = wycheproof::hex(&group["publicKey"]["publicExponent"]);
        let key = PublicKey::rsa(n.strip_prefix(&[0]).unwrap_or(&n), &e).unwrap();
        let outcome =
            key.verify(Algorithm::Ps256, &wycheproof::hex(&test["msg"]), &wycheproof::hex(&test["sig"]));
        assert_eq!(outcome.is_ok(), test["result"] == "valid", "{test}");
    }
}
