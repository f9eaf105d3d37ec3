//! The durable store opened to be looked at: nothing is migrated, no key is made, moved or put in use.

use std::sync::Arc;

use anyhow::Context as _;

use crate::adapter::sql::{Db, SqlAuditLog, SqlHealth, SqlKeys, kek_sealer};
use crate::base::{Clock, Entropy};
use crate::jose::Sealer;
use crate::ports::{AuditLog, DurableHealth, KeyToken, Keys, PortResult};

use super::{Durable, key_encryption};

/// With what the keys of a store are opened.
pub struct Openers<'a> {
    /// The key-encryption key.
    pub kek: &'a [u8; 32],
    /// The other one, while one replaces the other.
    pub other: Option<&'a [u8; 32]>,
    /// The hardware token.
    pub token: Option<Arc<dyn KeyToken>>,
    /// Entropy.
    pub entropy: Arc<dyn Entropy>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
}

/// A store that is looked at.
pub struct Examined {
    /// How the store is.
    pub health: Arc<dyn DurableHealth>,
    /// The audit log.
    pub log: Arc<dyn AuditLog>,
    db: Db,
    keys: SqlKeys,
    own: Sealer,
    two: bool,
}

impl Durable {
    /// Connects, whatever the schema is.
    pub async fn examine(&self, openers: Openers<'_>) -> anyhow::Result<Examined> {
        let db = self.connect().await?;
        let kek = kek_sealer(openers.kek, openers.other);
        let keys = SqlKeys::new(&db, &kek, &openers.entropy, &openers.clock);
        let keys = match openers.token {
            Some(token) => keys.with_token(token),
            None => keys,
        };
        Ok(Examined {
            health: Arc::new(SqlHealth::new(&db)),
            log: Arc::new(SqlAuditLog::new(&db)),
            keys,
            own: kek_sealer(openers.kek, None),
            two: openers.other.is_some(),
            db,
        })
    }
}

impl Examined {
    /// Why this program cannot work on the schema, in words; none when it can.
    pub async fn unfit(&self) -> PortResult<Option<String>> {
        Ok(self.db.schema_unfit().await?.map(|unfit| unfit.to_string()))
    }

    /// Refuses key-encryption keys that are not those of this store.
    pub async fn kek_fits(&self) -> anyhow::Result<()> {
        key_encryption::check(&self.keys, &self.own, self.two).await
    }

    /// The keys, of which nothing is changed here.
    #[must_use]
    pub const fn keys(&self) -> &dyn Keys {
        &self.keys
    }

    /// Closes the store.
    pub async fn close(&self) -> anyhow::Result<()> {
        tokio::time::timeout(std::time::Duration::from_secs(5), self.db.close())
            .await
            .context("closing the database")
    }
}
