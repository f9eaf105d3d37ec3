//! Signing keys on a hardware token: the records, the signer, and a token that fails. Real ones: `tests/twin/token.mjs`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sceau::adapter::sql::{CustodySigner, SqlKeys};
use sceau::jose::{Algorithm, Jwk, KeyUse, PrivateKey};
use sceau::keyring::{Custody, KeyRecord, KeyState, Purpose};
use sceau::ports::{KeyToken, Keys as _, PortError, PortResult, Signer as _};

use super::durable::{START, World, granted, on_every_engine};
use super::durable_samples::later;

/// A token in memory, with the faults of one.
#[derive(Default)]
struct Token {
    keys: Mutex<HashMap<String, PrivateKey>>,
    gone: AtomicBool,
    errs: AtomicBool,
}

impl Token {
    fn present(&self) -> PortResult<()> {
        if self.gone.load(Ordering::SeqCst) {
            Err(PortError::Unavailable(String::from("gone")))
        } else {
            Ok(())
        }
    }

    fn names(&self) -> Vec<String> {
        self.keys.lock().unwrap().keys().cloned().collect()
    }
}

#[async_trait]
impl KeyToken for Token {
    async fn generate(&self, algorithm: Algorithm) -> PortResult<Jwk> {
        self.present()?;
        let key = PrivateKey::generate(algorithm).unwrap();
        let public = key.public().clone();
        let kid = public.thumbprint().to_string();
        self.keys.lock().unwrap().insert(kid.clone(), key);
        Ok(Jwk { key: public, kid: Some(kid), alg: Some(algorithm), key_use: Some(KeyUse::Sig) })
    }

    async fn sign(&self, kid: &str, _: Algorithm, input: &[u8]) -> PortResult<Vec<u8>> {
        self.present()?;
        let keys = self.keys.lock().unwrap();
        let key = keys.get(kid).ok_or_else(|| PortError::Corrupt(String::from("no such key")))?;
        let signed = if self.errs.load(Ordering::SeqCst) { b"something else" } else { input };
        Ok(key.sign(signed).unwrap())
    }

    async fn destroy(&self, kid: &str) -> PortResult<()> {
        self.present()?;
        self.keys.lock().unwrap().remove(kid);
        Ok(())
    }

    async fn held(&self) -> PortResult<Vec<String>> {
        self.present()?;
        Ok(self.names())
    }
}

/// The keys of `world` with a token.
fn with_token(world: &World) -> (SqlKeys, CustodySigner, Arc<Token>) {
    let token = Arc::new(Token::default());
    let keys = SqlKeys::clone(&world.keys).with_token(Arc::<Token>::clone(&token));
    (keys.clone(), CustodySigner::new(keys), token)
}

fn staged(purpose: Purpose, algorithm: &str) -> KeyRecord {
    KeyRecord::staged(String::new(), purpose, algorithm.to_owned(), START)
}

async fn stage(keys: &SqlKeys, purpose: Purpose, algorithm: &str) -> PortResult<Option<String>> {
    keys.stage(&staged(purpose, algorithm), &granted()).await
}

async fn moved(keys: &SqlKeys, kid: &str, state: KeyState) {
    let held = keys.list().await.unwrap().into_iter().find(|key| key.kid == kid).unwrap();
    assert!(
        keys.advance(held.revision, &held.clone().moved_to(state, later(1)), None, &granted()).await.unwrap()
    );
}

/// A key that was made on the token and is in use.
async fn active(keys: &SqlKeys) -> String {
    let kid = stage(keys, Purpose::Sign, "ES256").await.unwrap().unwrap();
    moved(keys, &kid, KeyState::Active).await;
    kid
}

#[test]
fn a_signing_key_is_made_on_the_token_and_signs_there() {
    on_every_engine(async |world| {
        let (keys, signer, token) = with_token(&world);
        let kid = stage(&keys, Purpose::Sign, "ES256").await.unwrap().unwrap();
        assert_eq!(token.names(), std::slice::from_ref(&kid));
        let record = keys.list().await.unwrap().into_iter().find(|key| key.kid == kid).unwrap();
        assert_eq!(record.custody, Custody::Token);
        assert!(matches!(signer.sign(&kid, b"input").await, Err(PortError::Conflict)), "staged");

        moved(&keys, &kid, KeyState::Active).await;
        let signature = signer.sign(&kid, b"input").await.unwrap();
        let public = Jwk::parse(record.public_jwk.as_ref().unwrap()).unwrap();
        assert!(public.key.verify(Algorithm::Es256, b"input", &signature).is_ok());
    });
}

#[test]
fn keys_that_do_not_sign_tokens_stay_sealed_in_the_database() {
    on_every_engine(async |world| {
        let (keys, _, token) = with_token(&world);
        for (purpose, algorithm) in
            [(Purpose::Audit, "EdDSA"), (Purpose::Seal, "A256GCM"), (Purpose::Decrypt, "ECDH-ES")]
        {
            stage(&keys, purpose, algorithm).await.unwrap().unwrap();
        }
        assert!(token.names().is_empty());
        assert!(keys.list().await.unwrap().iter().all(|key| key.custody == Custody::Sealed));
    });
}

#[test]
fn nothing_signs_in_the_place_of_a_token_that_is_gone_and_it_signs_again_when_back() {
    on_every_engine(async |world| {
        let sealed = stage(&world.keys, Purpose::Sign, "ES256").await.unwrap().unwrap();
        moved(&world.keys, &sealed, KeyState::Active).await;
        let (keys, signer, token) = with_token(&world);
        assert!(signer.sign(&sealed, b"input").await.is_ok(), "a key sealed before the token came");
        moved(&keys, &sealed, KeyState::Retiring).await;
        let kid = active(&keys).await;
        signer.sign(&kid, b"input").await.unwrap();

        token.gone.store(true, Ordering::SeqCst);
        assert!(matches!(signer.sign(&kid, b"input").await, Err(PortError::Unavailable(_))));
        let made = stage(&keys, Purpose::Sign, "ES256").await;
        assert!(matches!(made, Err(PortError::Unavailable(_))), "no sealed key instead");
        let without = CustodySigner::new(SqlKeys::clone(&world.keys));
        assert!(
            matches!(without.sign(&kid, b"input").await, Err(PortError::Unavailable(_))),
            "no token set up"
        );

        token.gone.store(false, Ordering::SeqCst);
        signer.sign(&kid, b"input").await.unwrap();
    });
}

#[test]
fn a_wrong_signature_of_the_token_is_given_to_nobody() {
    on_every_engine(async |world| {
        let (keys, signer, token) = with_token(&world);
        let kid = active(&keys).await;
        token.errs.store(true, Ordering::SeqCst);
        assert!(matches!(signer.sign(&kid, b"input").await, Err(PortError::Unavailable(_))));
    });
}

#[test]
fn a_key_that_leaves_is_destroyed_on_the_token_at_once_or_when_it_is_back() {
    for (state, kept) in [(KeyState::Retiring, false), (KeyState::Revoked, false), (KeyState::Active, true)] {
        on_every_engine(async |world| {
            let (keys, _, token) = with_token(&world);
            let kid = stage(&keys, Purpose::Sign, "ES256").await.unwrap().unwrap();
            moved(&keys, &kid, state).await;
            assert_eq!(token.names().contains(&kid), kept, "{state:?}");
        });
    }
    on_every_engine(async |world| {
        let (keys, _, token) = with_token(&world);
        let kid = active(&keys).await;
        token.gone.store(true, Ordering::SeqCst);
        moved(&keys, &kid, KeyState::Revoked).await;
        assert_eq!(token.names(), std::slice::from_ref(&kid), "out of reach");
        token.gone.store(false, Ordering::SeqCst);
        let foreign = token.generate(Algorithm::Es256).await.unwrap().kid.unwrap();
        keys.tidy_token().await.unwrap();
        assert_eq!(token.names(), [foreign], "another deployment's key stays");
    });
}

#[test]
fn of_two_replicas_that_stage_at_once_the_loser_leaves_nothing_on_the_token() {
    on_every_engine(async |world| {
        let (keys, _, token) = with_token(&world);
        let won = stage(&keys, Purpose::Sign, "ES256").await.unwrap().unwrap();
        assert_eq!(stage(&keys, Purpose::Sign, "ES256").await.unwrap(), None);
        assert_eq!(token.names(), [won]);
    });
}
