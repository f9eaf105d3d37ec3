//! RFC 7518 4.6.2 and appendix C: agreement and key derivation; agreement also by the Wycheproof vectors.

use sceau::base::{base64url, from_base64url};
use sceau::jose::{KeyError, P256Key, PartyInfo, PublicKey, agree, concat_kdf};
use serde_json::Value;

use super::wycheproof::{cases, vectors};

fn point(x: &str, y: &str) -> Result<P256Key, KeyError> {
    let bytes = |text| from_base64url(text).unwrap();
    let (Ok(x), Ok(y)) = (bytes(x).try_into(), bytes(y).try_into()) else { return Err(KeyError::Malformed) };
    match PublicKey::p256(&x, &y)? {
        PublicKey::P256(key) => Ok(key),
        other => panic!("{other:?}"),
    }
}

fn scalar(d: &str) -> [u8; 32] {
    from_base64url(d).unwrap().try_into().unwrap()
}

#[test]
fn appendix_c_alice_and_bob_derive_the_key_of_the_example() {
    let alice =
        point("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0", "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps");
    let bob =
        point("weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ", "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck");
    let by_alice = agree(&scalar("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"), &bob.unwrap()).unwrap();
    let by_bob = agree(&scalar("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"), &alice.unwrap()).unwrap();
    let z: [u8; 32] = [
        158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218,
        128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
    ];
    assert_eq!((*by_alice, *by_bob), (z, z));
    let parties = PartyInfo { producer: b"Alice", recipient: b"Bob" };
    let mut key = [0; 16];
    concat_kdf(&z, "A128GCM", parties, &mut key).unwrap();
    assert_eq!(base64url(key), "VqqN6vgjbSBcIijNcacQGg");
}

#[test]
fn s4_6_2_each_input_changes_the_key() {
    let parties = PartyInfo { producer: b"Alice", recipient: b"Bob" };
    let key = |z: [u8; 32], algorithm: &str, parties| {
        let mut key = [0; 32];
        concat_kdf(&z, algorithm, parties, &mut key).unwrap();
        key
    };
    let good = key([1; 32], "A256GCM", parties);
    assert_ne!(key([2; 32], "A256GCM", parties), good);
    assert_ne!(key([1; 32], "A128GCM", parties), good);
    assert_ne!(key([1; 32], "A256GCM", PartyInfo { producer: b"Alic", ..parties }), good);
    assert_ne!(key([1; 32], "A256GCM", PartyInfo { recipient: b"Bo", ..parties }), good);
    // A letter that moves from one party to the other is another pair.
    assert_ne!(key([1; 32], "A256GCM", PartyInfo { producer: b"AliceB", recipient: b"ob" }), good);
    let mut short = [0; 16];
    concat_kdf(&[1; 32], "A256GCM", parties, &mut short).unwrap();
    assert_ne!(short, good[..16], "the length is part of what is hashed");
    assert_eq!(concat_kdf(&[], "A256GCM", parties, &mut short), Err(KeyError::Failed));
}

#[test]
fn s4_6_wycheproof_agreement() {
    let Some(vectors) = vectors("ecdh_secp256r1_webcrypto_test.json") else { return };
    let (mut agreed, mut refused) = (0, 0);
    for (_, test) in cases(&vectors) {
        let text = |key: &str, name: &str| {
            test[key].get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let peer = if text("public", "crv") == "P-256" {
            point(&text("public", "x"), &text("public", "y"))
        } else {
            Err(KeyError::OffCurve)
        };
        let own = from_base64url(&text("private", "d")).unwrap();
        let shared = peer.and_then(|peer| agree(&own.try_into().map_err(|_| KeyError::Malformed)?, &peer));
        let expected = super::wycheproof::hex(&test["shared"]);
        match test["result"].as_str().unwrap() {
            "valid" => {
                assert_eq!(shared.unwrap().as_slice(), expected, "{test}");
                agreed += 1;
            }
            "invalid" => {
                assert!(shared.is_err(), "{test}");
                refused += 1;
            }
            // Fields left out or doubled: an answer must at least be the right one.
            _ => assert!(shared.is_err() || shared.unwrap().as_slice() == expected, "{test}"),
        }
    }
    assert!(agreed > 200 && refused > 5, "{agreed} {refused}");
}
