//! Decryption keys at rest, and the tokens they open.

use sceau::base::{OsEntropy, UnixTime};
use sceau::jose::{EncryptionKey, JweError, KeyManagement, encrypt};
use sceau::keyring::{Custody, KeyRecord, KeyState, Purpose};
use sceau::ports::{DecryptError, Decrypter as _, Keys as _};

use super::durable::{START, World, granted, on_every_engine};
use super::durable_samples::later;

const NESTED: &str = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA";
const MAX: usize = 16 * 1024;

async fn stage(world: &World, algorithm: KeyManagement) -> String {
    let record = KeyRecord {
        kid: String::new(),
        purpose: Purpose::Decrypt,
        algorithm: algorithm.as_str().to_owned(),
        state: KeyState::Staged,
        public_jwk: None,
        staged_at: START,
        activates_at: None,
        activated_at: None,
        retired_at: None,
        gone_at: None,
        revoked_at: None,
        custody: Custody::Sealed,
        revision: 0,
        sealed_private: None,
    };
    world.keys.stage(&record, &granted()).await.unwrap().unwrap()
}

async fn record(world: &World, kid: &str) -> KeyRecord {
    world.keys.list().await.unwrap().into_iter().find(|key| key.kid == kid).unwrap()
}

async fn moved(world: &World, kid: &str, state: KeyState, at: UnixTime) {
    let held = record(world, kid).await;
    let next = held.clone().moved_to(state, at);
    assert!(world.keys.advance(held.revision, &next, None, &granted()).await.unwrap());
}

async fn public(world: &World, kid: &str, algorithm: KeyManagement) -> EncryptionKey {
    EncryptionKey::parse(record(world, kid).await.public_jwk.as_ref().unwrap(), algorithm).unwrap()
}

async fn open(world: &World, token: &str) -> Result<String, DecryptError> {
    let opened = world.decrypter.decrypt(token, &[KeyManagement::EcdhEs], MAX).await;
    opened.map(|secret| secret.expose().to_owned())
}

#[test]
fn a_token_opens_while_its_key_is_in_use_or_retires() {
    on_every_engine(async |world| {
        let algorithm = KeyManagement::EcdhEs;
        let kid = stage(&world, algorithm).await;
        let key = public(&world, &kid, algorithm).await;
        assert_eq!(key.kid(), Some(kid.as_str()));
        let token = encrypt(NESTED.as_bytes(), &key, Some("JWT"), &OsEntropy).unwrap();
        assert!(matches!(open(&world, &token).await, Err(DecryptError::UnknownKey)), "not published yet");
        for state in [KeyState::Active, KeyState::Retiring] {
            moved(&world, &kid, state, later(1)).await;
            assert_eq!(open(&world, &token).await.unwrap(), NESTED, "{state:?}");
        }
        moved(&world, &kid, KeyState::Gone, later(2)).await;
        assert!(matches!(open(&world, &token).await, Err(DecryptError::UnknownKey)));
    });
}

#[test]
fn a_revoked_key_opens_nothing_and_is_destroyed() {
    on_every_engine(async |world| {
        let kid = stage(&world, KeyManagement::EcdhEs).await;
        moved(&world, &kid, KeyState::Active, later(1)).await;
        let key = public(&world, &kid, KeyManagement::EcdhEs).await;
        let token = encrypt(NESTED.as_bytes(), &key, Some("JWT"), &OsEntropy).unwrap();
        assert!(open(&world, &token).await.is_ok());
        moved(&world, &kid, KeyState::Revoked, later(2)).await;
        assert!(matches!(open(&world, &token).await, Err(DecryptError::UnknownKey)));
    });
}

#[test]
fn without_a_name_each_key_in_use_is_tried() {
    on_every_engine(async |world| {
        let algorithm = KeyManagement::EcdhEs;
        let mut kids: Vec<String> = Vec::new();
        for at in [1, 2] {
            let kid = stage(&world, algorithm).await;
            if let Some(before) = kids.last() {
                moved(&world, before, KeyState::Retiring, later(at)).await;
            }
            moved(&world, &kid, KeyState::Active, later(at)).await;
            kids.push(kid);
        }
        for kid in &kids {
            let mut jwk = record(&world, kid).await.public_jwk.unwrap();
            jwk.as_object_mut().unwrap().remove("kid");
            let nameless = EncryptionKey::parse(&jwk, algorithm).unwrap();
            let token = encrypt(NESTED.as_bytes(), &nameless, Some("JWT"), &OsEntropy).unwrap();
            assert_eq!(open(&world, &token).await.unwrap(), NESTED);
            jwk["kid"] = serde_json::json!("another");
            let misnamed = EncryptionKey::parse(&jwk, algorithm).unwrap();
            let token = encrypt(NESTED.as_bytes(), &misnamed, Some("JWT"), &OsEntropy).unwrap();
            assert!(matches!(open(&world, &token).await, Err(DecryptError::UnknownKey)));
        }
    });
}

#[test]
fn what_was_not_agreed_does_not_open() {
    on_every_engine(async |world| {
        let kid = stage(&world, KeyManagement::EcdhEs).await;
        moved(&world, &kid, KeyState::Active, later(1)).await;
        let key = public(&world, &kid, KeyManagement::EcdhEs).await;
        let bare = encrypt(NESTED.as_bytes(), &key, None, &OsEntropy).unwrap();
        assert!(matches!(open(&world, &bare).await, Err(DecryptError::NotNested)), "RFC 7519 5.2");
        let good = encrypt(NESTED.as_bytes(), &key, Some("JWT"), &OsEntropy).unwrap();
        let rsa = [KeyManagement::RsaOaep256];
        let refused = world.decrypter.decrypt(&good, &rsa, MAX).await;
        assert!(matches!(refused, Err(DecryptError::NotAllowed)));
        let refused = world.decrypter.decrypt(&good, &[KeyManagement::EcdhEs], 64).await;
        assert!(matches!(refused, Err(DecryptError::Token(JweError::TooLong))));
    });
}
