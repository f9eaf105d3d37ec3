//! Key records and the signer.

use sceau::base::UnixTime;
use sceau::jose::{Algorithm, Jwk};
use sceau::keyring::{Custody, KeyRecord, KeyState, Purpose};
use sceau::ports::{Keys as _, PortError, Signer as _};

use super::durable::{START, World, granted, on_every_engine, race};
use super::durable_samples::later;

fn staged(purpose: Purpose, algorithm: &str) -> KeyRecord {
    KeyRecord {
        kid: String::new(),
        purpose,
        algorithm: algorithm.to_owned(),
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
    }
}

async fn stage(world: &World, purpose: Purpose, algorithm: &str) -> Option<String> {
    world.keys.stage(&staged(purpose, algorithm), &granted()).await.unwrap()
}

async fn record(world: &World, kid: &str) -> KeyRecord {
    world.keys.list().await.unwrap().into_iter().find(|key| key.kid == kid).unwrap()
}

async fn moved(world: &World, kid: &str, state: KeyState, at: UnixTime) -> bool {
    let held = record(world, kid).await;
    let next = held.clone().moved_to(state, at);
    world.keys.advance(held.revision, &next, None, &granted()).await.unwrap()
}

#[test]
fn a_staged_signing_key_is_named_by_its_thumbprint_and_signs_once_active() {
    for (name, algorithm, purpose) in [
        ("ES256", Algorithm::Es256, Purpose::Sign),
        ("Ed25519", Algorithm::EdDsa, Purpose::Audit),
        ("EdDSA", Algorithm::EdDsa, Purpose::Audit),
    ] {
        on_every_engine(async |world| {
            let kid = stage(&world, purpose, name).await.unwrap();
            let key = record(&world, &kid).await;
            let jwk = Jwk::parse(key.public_jwk.as_ref().unwrap()).unwrap();
            assert_eq!(jwk.key.thumbprint().to_string(), kid);
            assert!(key.sealed_private.is_none(), "the sealed part is left out");
            assert!(matches!(world.signer.sign(&kid, b"input").await, Err(PortError::Conflict)));

            assert!(moved(&world, &kid, KeyState::Active, later(1)).await);
            for _ in 0..2 {
                let signature = world.signer.sign(&kid, b"input").await.unwrap();
                assert!(jwk.key.verify(algorithm, b"input", &signature).is_ok());
            }
            assert_eq!(record(&world, &kid).await.activated_at, Some(later(1)));
        });
    }
}

#[test]
fn a_key_that_retires_or_is_revoked_signs_no_more_and_is_destroyed() {
    for state in [KeyState::Retiring, KeyState::Revoked] {
        on_every_engine(async |world| {
            let kid = stage(&world, Purpose::Sign, "ES256").await.unwrap();
            moved(&world, &kid, KeyState::Active, later(1)).await;
            world.signer.sign(&kid, b"input").await.unwrap();
            assert!(moved(&world, &kid, state, later(2)).await);
            assert!(matches!(world.signer.sign(&kid, b"input").await, Err(PortError::Conflict)));
            assert_eq!(record(&world, &kid).await.state, state);
        });
    }
}

#[test]
fn an_unknown_key_does_not_sign() {
    on_every_engine(async |world| {
        assert!(matches!(world.signer.sign("unknown", b"input").await, Err(PortError::Corrupt(_))));
        let kid = stage(&world, Purpose::Cookie, "HS256").await.unwrap();
        moved(&world, &kid, KeyState::Active, later(1)).await;
        assert!(matches!(world.signer.sign(&kid, b"input").await, Err(PortError::Corrupt(_))));
    });
}

#[test]
fn symmetric_material_is_given_for_its_purpose_until_it_is_destroyed() {
    on_every_engine(async |world| {
        let kid = stage(&world, Purpose::Nonce, "HS256").await.unwrap();
        let material = world.keys.symmetric(&kid, Purpose::Nonce).await.unwrap().unwrap();
        assert_ne!(material, [0; 32]);
        assert_eq!(world.keys.symmetric(&kid, Purpose::Nonce).await.unwrap(), Some(material));
        assert_eq!(world.keys.symmetric(&kid, Purpose::Cookie).await.unwrap(), None);
        assert_eq!(world.keys.symmetric("unknown", Purpose::Nonce).await.unwrap(), None);
        for (state, kept) in [(KeyState::Active, true), (KeyState::Retiring, true), (KeyState::Gone, false)] {
            moved(&world, &kid, state, later(1)).await;
            assert_eq!(
                world.keys.symmetric(&kid, Purpose::Nonce).await.unwrap().is_some(),
                kept,
                "{state:?}"
            );
        }
        let seal = stage(&world, Purpose::Seal, "A256GCM").await.unwrap();
        moved(&world, &seal, KeyState::Revoked, later(1)).await;
        assert!(world.keys.symmetric(&seal, Purpose::Seal).await.unwrap().is_some(), "old values still open");
    });
}

#[test]
fn fifty_replicas_stage_one_key() {
    on_every_engine(async |world| {
        let kids = race(|_| {
            let world = world.clone();
            async move { stage(&world, Purpose::Sign, "ES256").await }
        })
        .await;
        assert_eq!(kids.into_iter().flatten().count(), 1, "winners");
        assert_eq!(world.keys.list().await.unwrap().len(), 1);
        assert_eq!(world.verified().await, 1);
        assert!(stage(&world, Purpose::Sign, "PS256").await.is_some(), "another algorithm is another use");
    });
}

#[test]
fn a_takeover_moves_both_keys_or_none() {
    on_every_engine(async |world| {
        let old = stage(&world, Purpose::Sign, "ES256").await.unwrap();
        moved(&world, &old, KeyState::Active, later(1)).await;
        let new = stage(&world, Purpose::Sign, "ES256").await.unwrap();
        assert!(!moved(&world, &new, KeyState::Active, later(2)).await, "two cannot be active");

        let held = record(&world, &new).await;
        let next = held.clone().moved_to(KeyState::Active, later(2));
        let demoted = record(&world, &old).await.moved_to(KeyState::Retiring, later(2));
        let stale = KeyRecord { revision: demoted.revision + 1, ..demoted.clone() };
        let take = async |demoted: &KeyRecord| {
            world.keys.advance(held.revision, &next, Some(demoted), &granted()).await.unwrap()
        };
        assert!(!take(&stale).await);
        assert_eq!(record(&world, &old).await.state, KeyState::Active);
        assert!(take(&demoted).await);
        assert_eq!(record(&world, &old).await.state, KeyState::Retiring);
        assert_eq!(record(&world, &new).await.state, KeyState::Active);
        assert!(!take(&demoted).await, "another replica was faster");
    });
}
