//! Values that pass, in Redis, while the seal key is replaced under two replicas.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sceau::adapter::redis::{History, RedisSettings, RedisStore};
use sceau::base::{Clock as _, SeededEntropy, TestClock};
use sceau::jose::Sealer;
use sceau::ports::{OneShot as _, PortResult, SealKeySource, Sealing, Sessions as _};

use super::durable::START;
use super::ephemeral_redis::kit_around;
use super::ephemeral_samples::{code, session, token};
use super::redis_server::shared;

const OLD: [u8; 32] = [5; 32];
const NEW: [u8; 32] = [6; 32];

/// The keys in SQL, of which the replica behind has read the first alone.
struct Keys {
    sealer: Sealer,
    reads: AtomicUsize,
}

#[async_trait]
impl SealKeySource for Keys {
    async fn read_again(&self) -> PortResult<()> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.sealer.learn(2, &NEW);
        assert!(self.sealer.seal_under(2));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_under_either_key_open_on_either_replica_until_they_end() {
    let clock = Arc::new(TestClock::at(START));
    let settings = RedisSettings { prefix: String::from("rotation"), ..shared().settings() };
    let connect = async |sealing: Sealing| {
        let entropy = Arc::new(SeededEntropy::new(1));
        RedisStore::connect(&settings, sealing, entropy, clock.clone(), History::None).await.unwrap()
    };
    let ahead = Sealer::new(1, &OLD);
    let first = Arc::new(connect(Sealing::from(&ahead)).await);
    let behind = Sealer::new(1, &OLD);
    let keys = Arc::new(Keys { sealer: behind.clone(), reads: AtomicUsize::new(0) });
    let second = connect(Sealing::new(behind, Arc::<Keys>::clone(&keys))).await;
    let kit = kit_around(shared(), &settings.prefix, Arc::clone(&first), clock.clone());
    let deadline = START.plus(Duration::from_mins(5));

    let (before, after, cookie) = (token(&kit), token(&kit), token(&kit));
    first.put_code(&before, &code(&kit, deadline)).await.unwrap();
    first.insert(&cookie, &session(&kit, deadline, deadline)).await.unwrap();
    ahead.learn(2, &NEW);
    assert!(ahead.seal_under(2));
    first.put_code(&after, &code(&kit, deadline)).await.unwrap();
    assert!(first.take_code(&before, clock.now()).await.unwrap().is_some(), "under the key before");
    assert!(second.load(&cookie, clock.now()).await.unwrap().is_some());
    assert_eq!(keys.reads.load(Ordering::SeqCst), 0);
    // A code is taken once: nothing is left to open again when the key is unknown at first.
    assert!(second.take_code(&after, clock.now()).await.unwrap().is_some());
    assert_eq!(keys.reads.load(Ordering::SeqCst), 1);
    assert!(second.touch(&cookie, deadline, clock.now()).await.unwrap());
    assert!(first.load(&cookie, clock.now()).await.unwrap().is_some(), "sealed anew by the other");
    assert_eq!(keys.reads.load(Ordering::SeqCst), 1);
}
