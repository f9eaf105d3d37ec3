//! The keys of stored values, read from their records and taught to the sealer while it is in use (design decision 18).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::SqlKeys;
use super::row::corrupt;
use crate::base::Clock;
use crate::jose::Sealer;
use crate::keyring::{INDEX_KEY, KeyPolicy, Purpose, SealKeys, seal_keys};
use crate::ports::{Keys as _, PortError, PortResult, SealKeySource, Sealing};

/// Reads the seal keys at the start, at each look of its job, and when a value names one that is unknown.
pub struct SealKeyReader {
    keys: SqlKeys,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    hold: Duration,
    /// When the keys were last read again for the sake of a value.
    asked: Mutex<Option<Instant>>,
}

impl SealKeyReader {
    /// Reads the seal keys for the first time. One must have been staged for the `poll` and `skew` of `policy` before
    /// this replica seals with it, so that the others have read it.
    ///
    /// # Errors
    /// [`PortError::Corrupt`] when there is none, or when the first or the one in use cannot be opened.
    pub async fn open(keys: &SqlKeys, policy: &KeyPolicy, clock: &Arc<dyn Clock>) -> PortResult<Arc<Self>> {
        let hold = policy.poll.saturating_add(policy.skew);
        let found = read(keys, hold, &**clock).await?;
        let index = found.openers.iter().find(|key| key.number == INDEX_KEY).ok_or_else(none)?;
        let master = keys.symmetric(&index.kid, Purpose::Seal).await?.ok_or_else(none)?;
        let reader = Self {
            keys: keys.clone(),
            sealer: Sealer::new(INDEX_KEY, &master),
            clock: Arc::clone(clock),
            hold,
            asked: Mutex::new(None),
        };
        reader.learn(&found).await?;
        Ok(Arc::new(reader))
    }

    /// The sealer of stored values, which asks this reader about keys it does not know.
    #[must_use]
    pub fn sealing(self: &Arc<Self>) -> Sealing {
        let source: Arc<dyn SealKeySource> = Arc::<Self>::clone(self);
        Sealing::new(self.sealer.clone(), source)
    }

    /// The seal keys as they are stored now.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn list(&self) -> PortResult<SealKeys> {
        read(&self.keys, self.hold, &*self.clock).await
    }

    /// How long a key must have been staged before it seals.
    #[must_use]
    pub const fn hold(&self) -> Duration {
        self.hold
    }

    /// Reads the keys, learns those that are new and seals with the one in use.
    ///
    /// # Errors
    /// [`PortError::Corrupt`] when the one in use cannot be opened: the one before it goes on sealing.
    pub async fn refresh(&self) -> PortResult<()> {
        self.learn(&self.list().await?).await
    }

    async fn learn(&self, found: &SealKeys) -> PortResult<()> {
        for key in found.openers.iter().filter(|key| !self.sealer.knows(key.number)) {
            match self.keys.symmetric(&key.kid, Purpose::Seal).await {
                Ok(Some(master)) => self.sealer.learn(key.number, &master),
                // Without its private part it opens nothing, like one that is gone.
                Ok(None) => {}
                Err(PortError::Corrupt(reason)) => {
                    tracing::error!(kid = key.kid, reason, "a key of stored values cannot be opened");
                }
                Err(error) => return Err(error),
            }
        }
        if self.sealer.seal_under(found.current) {
            Ok(())
        } else {
            Err(corrupt("the seal key in use cannot be opened"))
        }
    }
}

#[async_trait]
impl SealKeySource for SealKeyReader {
    /// One caller reads; those who come meanwhile wait for it and look again.
    async fn read_again(&self) -> PortResult<()> {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|at| at.elapsed() < BREATH) {
            return Ok(());
        }
        *asked = Some(Instant::now());
        let unread = || PortError::Unavailable(String::from("the seal keys could not be read in time"));
        timeout(PATIENCE, self.refresh()).await.map_err(|_| unread())?
    }
}

impl fmt::Debug for SealKeyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKeyReader").field("sealer", &self.sealer).finish_non_exhaustive()
    }
}

async fn read(keys: &SqlKeys, hold: Duration, clock: &dyn Clock) -> PortResult<SealKeys> {
    let records = keys.list().await?;
    seal_keys(&records, hold, clock.now()).ok_or_else(none)
}

fn none() -> PortError {
    corrupt("there is no first seal key, on which the blind indexes depend")
}

/// Values that name keys nobody has made must not cost a query each.
const BREATH: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);
