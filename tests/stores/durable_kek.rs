//! Private keys from one key-encryption key to another, on each engine.

use std::sync::Arc;

use sceau::adapter::sql::{KekCensus, SqlKeys, kek_id, kek_sealer};
use sceau::base::{Clock, Entropy, OsEntropy, TestClock};
use sceau::jose::{SealError, Sealer};
use sceau::keyring::{KeyRecord, KeyState, Purpose};
use sceau::ports::{Keys as _, PortError};

use super::durable::{START, World, granted, on_every_engine};

const OLD: [u8; 32] = [7; 32];
const NEW: [u8; 32] = [9; 32];

fn keys(world: &World, kek: &Sealer) -> SqlKeys {
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&world.clock);
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    SqlKeys::new(&world.db, kek, &entropy, &clock)
}

async fn stage(keys: &SqlKeys, purpose: Purpose) -> String {
    let record = KeyRecord {
        kid: String::new(),
        purpose,
        algorithm: String::from("HS256"),
        state: KeyState::Staged,
        public_jwk: None,
        staged_at: START,
        activates_at: None,
        activated_at: None,
        retired_at: None,
        gone_at: None,
        revoked_at: None,
        custody: sceau::keyring::Custody::Sealed,
        revision: 0,
        sealed_private: None,
    };
    keys.stage(&record, &granted()).await.unwrap().unwrap()
}

#[test]
fn private_keys_move_from_one_key_encryption_key_to_the_next() {
    assert_ne!(kek_id(&OLD), kek_id(&NEW));
    on_every_engine(async |world| {
        // Made when there was one name for all, then under its own name.
        let unnamed = stage(&world.keys, Purpose::Pairwise).await;
        let old = keys(&world, &kek_sealer(&OLD, None));
        let named = stage(&old, Purpose::Nonce).await;
        let material = old.symmetric(&unnamed, Purpose::Pairwise).await.unwrap().unwrap();

        // Both files: everything opens, what is made is under the new one.
        let own = kek_sealer(&NEW, None);
        let both = keys(&world, &kek_sealer(&NEW, Some(&OLD)));
        let fresh = stage(&both, Purpose::Cookie).await;
        assert_eq!(both.symmetric(&unnamed, Purpose::Pairwise).await.unwrap(), Some(material));
        let census = both.kek_census(&own).await.unwrap();
        assert_eq!(census, KekCensus { current: 1, other: 2, closed: Vec::new() });
        assert!(matches!(old.symmetric(&fresh, Purpose::Cookie).await, Err(PortError::Corrupt(_))));

        // The new one alone is too early.
        let alone = keys(&world, &own);
        let closed = alone.kek_census(&own).await.unwrap().closed;
        let mut expected =
            vec![(unnamed.clone(), SealError::Refused), (named.clone(), SealError::UnknownKey)];
        let mut told = closed;
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        told.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(told, expected);

        let moved = both.reseal().await.unwrap();
        assert_eq!((moved.total, moved.done, moved.already(), moved.refused.len()), (3, 2, 1, 0));
        let again = both.reseal().await.unwrap();
        assert_eq!((again.total, again.done, again.already()), (3, 0, 3));
        assert_eq!(alone.symmetric(&unnamed, Purpose::Pairwise).await.unwrap(), Some(material));
        let census = alone.kek_census(&own).await.unwrap();
        assert_eq!(census, KekCensus { current: 3, other: 0, closed: Vec::new() });
        assert!(matches!(old.symmetric(&named, Purpose::Nonce).await, Err(PortError::Corrupt(_))));
    });
}
