//! Key records and the signer.

use std::sync::Arc;

use sceau::adapter::sql::SqlKeys;
use sceau::base::{Clock, Entropy, OsEntropy, TestClock, UnixTime};
use sceau::jose::{Algorithm, Jwk, Sealer};
use sceau::keyring::{KeyPolicy, KeyRecord, KeyState, Purpose, withdrawal};
use sceau::ports::{
    Cutoff, CutoffScope, IssueOutcome, Keys as _, PortError, PrivatePart, SignedSince, Signer as _,
};

use super::durable::{START, World, granted, on_every_engine, race};
use super::durable_samples::{cast, later};

fn staged(purpose: Purpose, algorithm: &str) -> KeyRecord {
    KeyRecord::staged(String::new(), purpose, algorithm.to_owned(), START)
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

#[test]
fn a_revocation_is_one_transaction_and_reaches_the_replicas() {
    on_every_engine(async |world| {
        let policy = KeyPolicy::default();
        let first = stage(&world, Purpose::Sign, "ES256").await.unwrap();
        moved(&world, &first, KeyState::Active, later(1)).await;
        let second = stage(&world, Purpose::Sign, "ES256").await.unwrap();
        let keys = world.keys.list().await.unwrap();
        let plan = withdrawal(&keys, &policy, &first, later(2)).unwrap().unwrap();

        // The standby moved meanwhile: nothing happens, and nothing is written.
        let mut overtaken = plan.clone();
        overtaken.successor.as_mut().unwrap().0 = 7;
        let rows = world.verified().await;
        assert!(!world.keys.revoke(&overtaken, &[granted()]).await.unwrap());
        assert_eq!(record(&world, &first).await.state, KeyState::Active);
        assert_eq!(world.verified().await, rows);
        let changes =
            |world: World| async move { world.stores.revocation.changes_since(START).await.unwrap().0 };
        assert_eq!(changes(world.clone()).await, []);

        assert!(world.keys.revoke(&plan, &[granted(), granted()]).await.unwrap());
        assert!(!world.keys.revoke(&plan, &[granted()]).await.unwrap(), "once");
        assert_eq!(world.verified().await, rows + 2);
        assert_eq!(record(&world, &first).await.revoked_at, Some(later(2)));
        assert_eq!(record(&world, &second).await.state, KeyState::Active);
        assert_eq!(world.keys.inspect(&first).await.unwrap(), PrivatePart::Absent, "destroyed");
        assert!(world.signer.sign(&first, b"input").await.is_err());
        assert!(world.signer.sign(&second, b"input").await.is_ok());
        let cutoff = Cutoff { scope: CutoffScope::Key(first.clone()), at: later(2) };
        assert_eq!(changes(world.clone()).await, [cutoff]);
    });
}

#[test]
fn a_private_part_is_the_one_of_its_public_part() {
    on_every_engine(async |world| {
        let uses = [
            (Purpose::Sign, "ES256"),
            (Purpose::Audit, "EdDSA"),
            (Purpose::Decrypt, "ECDH-ES"),
            (Purpose::Nonce, "HS256"),
        ];
        for (purpose, algorithm) in uses {
            let kid = stage(&world, purpose, algorithm).await.unwrap();
            assert_eq!(world.keys.inspect(&kid).await.unwrap(), PrivatePart::Whole, "{purpose:?}");
        }
        assert_eq!(world.keys.inspect("unknown").await.unwrap(), PrivatePart::Absent);
    });
}

#[test]
fn another_key_encryption_key_opens_nothing() {
    on_every_engine(async |world| {
        let kid = stage(&world, Purpose::Sign, "ES256").await.unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&world.clock);
        let other = SqlKeys::new(&world.db, &Sealer::new(1, &[9; 32]), &entropy, &clock);
        assert_eq!(other.inspect(&kid).await.unwrap(), PrivatePart::Sealed);
    });
}

#[test]
fn sessions_of_a_key_end_in_batches() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let mut plans = Vec::new();
        for at in 0..5 {
            let mut plan = cast.issue_plan();
            plan.record.at = later(at);
            let issued = world.stores.issuance.issue(&plan, &granted(), &granted()).await.unwrap();
            assert_eq!(issued, IssueOutcome::Issued);
            plans.push(plan);
        }
        let signed = SignedSince { kid: "kid-1", since: later(2), at: later(9) };
        let (mut after, mut ended) = (None, Vec::new());
        let revocation = &world.stores.revocation;
        while let Some((last, count)) = revocation.end_signed(&signed, after, 2, &granted()).await.unwrap() {
            after = Some(last);
            ended.push(count);
        }
        assert_eq!(ended.iter().sum::<u64>(), 3, "{ended:?}");
        assert_eq!(ended.len(), 2);
        for (at, plan) in plans.iter().enumerate() {
            let family = plan.family.as_ref().unwrap().id;
            let family = world.stores.grants.family(family).await.unwrap().unwrap();
            assert_eq!(family.family.dead, at >= 2, "{at}");
        }
        let rows = world.verified().await;
        assert_eq!(revocation.end_signed(&signed, None, 9, &granted()).await.unwrap().unwrap().1, 0);
        assert_eq!(world.verified().await, rows, "nothing new, nothing written");
        let other = SignedSince { kid: "kid-2", ..signed };
        assert_eq!(revocation.end_signed(&other, None, 9, &granted()).await.unwrap(), None);
    });
}
