//! [`DurableHealth`]: reachable, of a schema that fits, and what time it is there.

use async_trait::async_trait;

use super::Db;
use super::db::Engine;
use super::postgres::answered;
use super::statements::{CLOCK, CONNECTIONS_ALLOWED, DURABILITY, PARTITIONS_END};
use crate::base::UnixTime;
use crate::ports::{CommitSafety, DurableHealth, DurableState, PortResult};

/// The state of a database.
pub struct SqlHealth(Db);

impl SqlHealth {
    /// Of `db`.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self(db.clone())
    }
}

#[async_trait]
impl DurableHealth for SqlHealth {
    async fn commits(&self) -> PortResult<Option<CommitSafety>> {
        let Engine::Postgres(server) = self.0.reader() else { return Ok(None) };
        let row = sqlx::query_as::<_, (bool, bool)>(DURABILITY).fetch_one(server.executor);
        let (standby, disk) = answered(server.patience, row).await?;
        Ok(Some(CommitSafety { standby, disk }))
    }

    async fn connections(&self) -> PortResult<Option<u32>> {
        let Engine::Postgres(server) = self.0.reader() else { return Ok(None) };
        let row = sqlx::query_scalar::<_, i32>(CONNECTIONS_ALLOWED).fetch_one(server.executor);
        Ok(u32::try_from(answered(server.patience, row).await?).ok())
    }

    async fn state(&self) -> PortResult<DurableState> {
        let schema_fits = self.0.schema_unfit().await?.is_none();
        let Engine::Postgres(server) = self.0.reader() else {
            // The clock of a file is ours.
            return Ok(DurableState { schema_fits, clock: None, partitions_end: None });
        };
        let millis = sqlx::query_scalar::<_, i64>(CLOCK).fetch_one(server.executor);
        let clock = Some(UnixTime::from_millis(answered(server.patience, millis).await?));
        let end = sqlx::query_scalar::<_, Option<i64>>(PARTITIONS_END).fetch_one(server.executor);
        let partitions_end = answered(server.patience, end).await?.map(UnixTime::from_millis);
        Ok(DurableState { schema_fits, clock, partitions_end })
    }
}
