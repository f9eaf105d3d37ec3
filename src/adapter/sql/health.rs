//! [`DurableHealth`]: reachable, of a schema that fits, and what time it is there.

use async_trait::async_trait;

use super::Db;
use super::db::Engine;
use super::postgres::answered;
use super::statements::CLOCK;
use crate::base::UnixTime;
use crate::ports::{DurableHealth, DurableState, PortResult};

/// The state of a database.
pub(super) struct SqlHealth(pub(super) Db);

#[async_trait]
impl DurableHealth for SqlHealth {
    async fn state(&self) -> PortResult<DurableState> {
        // A newer schema is that of a newer program: replicas are replaced one by one.
        let schema_fits = self.0.schema_version().await? >= self.0.schema_needed();
        let clock = match self.0.reader() {
            // The clock of a file is ours.
            Engine::Sqlite(_) => None,
            Engine::Postgres(server) => {
                let millis = sqlx::query_scalar::<_, i64>(CLOCK).fetch_one(server.executor);
                Some(UnixTime::from_millis(answered(server.patience, millis).await?))
            }
        };
        Ok(DurableState { schema_fits, clock })
    }
}
