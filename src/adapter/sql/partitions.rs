//! The partitions of PostgreSQL: made before they are needed, dropped when their time is over (design decision 4).
//!
//! The role that serves may not change the schema. A function of the schema's owner does these two things and nothing
//! else; the server's clock decides. An insert for which no partition was made goes to the default one, and from there
//! to its own when that is made.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _};

use super::db::Engine;
use super::statements::PARTITIONS_KEEP;
use super::stores::SqlStores;
use crate::ports::{PortError, PortResult};

/// What was done for one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptPartitions {
    /// The table.
    pub table: &'static str,
    /// Partitions made.
    pub made: i64,
    /// Partitions dropped.
    pub dropped: i64,
    /// Rows that are in none but the default one.
    pub in_default: i64,
}

impl SqlStores {
    /// Makes the partitions that are due and drops those whose time is over; nothing on SQLite. A table that is busy, or
    /// that another replica sees to, is left out until the next time.
    ///
    /// # Errors
    /// [`PortError::Unavailable`]; the role that serves may not run the function.
    pub async fn keep_partitions(&self) -> PortResult<Vec<KeptPartitions>> {
        let Engine::Postgres(server) = self.store.db.engine() else { return Ok(Vec::new()) };
        let kept = async {
            // Its own connection: looking through a day's rows may take longer than a request waits.
            let mut connection = server.migrator().connect().await?;
            let mut kept = Vec::new();
            for table in TABLES {
                match keep(&mut connection, table).await {
                    Ok(one) => kept.push(one),
                    Err(PortError::Conflict) => {}
                    Err(error) => return Err(error),
                }
            }
            connection.close().await?;
            Ok(kept)
        };
        tokio::time::timeout(PATIENCE, kept)
            .await
            .map_err(|_| PortError::Unavailable(String::from("partitions were not made in time")))?
    }
}

async fn keep(connection: &mut PgConnection, table: &'static str) -> PortResult<KeptPartitions> {
    let (made, dropped, in_default) =
        sqlx::query_as(PARTITIONS_KEEP).bind(table).fetch_one(connection).await?;
    Ok(KeptPartitions { table, made, dropped, in_default })
}

/// Those that grow with every sign-in and whose rows have an end.
const TABLES: [&str; 3] = ["single_use", "issuances", "audit_payloads"];
const PATIENCE: Duration = Duration::from_mins(2);
