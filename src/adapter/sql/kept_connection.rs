//! A connection that is used again without having been given back in between: the pool asks each that it gets back whether
//! it lives, in a task of its own.
//!
//! Not for long: what the pool looks at when it gives a connection, above all whether another server takes the writes by
//! now, would not be seen.

use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection as _, Postgres};

use super::db::{Engine, Tx};
use super::postgres::{Patient, PostgresServer, answered};
use super::statements::BEGIN_READ_COMMITTED;
use crate::ports::PortResult;

/// A connection to PostgreSQL, taken from the pool when it is first needed.
pub(super) struct Kept {
    pool: PgPool,
    patience: Duration,
    taken: Option<(PoolConnection<Postgres>, Instant)>,
}

impl Kept {
    pub(super) fn new(server: &PostgresServer) -> Self {
        Self { pool: server.pool.clone(), patience: server.patience, taken: None }
    }

    /// The connection: the one that is kept, or another one when that is over.
    pub(super) async fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        if self.taken.as_ref().is_none_or(|(_, since)| since.elapsed() >= AT_MOST) {
            self.give_back();
            // The future that may have to connect is large.
            let connection = Box::pin(self.pool.acquire()).await?;
            self.taken = Some((connection, Instant::now()));
        }
        let (connection, _) = self.taken.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        Ok(connection)
    }

    /// Leaves it to the pool to find out whether it can be used again: something went wrong.
    pub(super) fn give_back(&mut self) {
        self.taken = None;
    }

    /// Begins a transaction in a place already held.
    pub(super) async fn begin(&mut self) -> PortResult<Tx<'_>> {
        let patience = self.patience;
        let begun = async { self.connection().await?.begin_with(BEGIN_READ_COMMITTED).await };
        let executor = answered(patience, begun).await?;
        Ok(Engine::Postgres(Patient { executor, patience }))
    }
}

/// Within which a server that takes no more writes is noticed by the others too.
const AT_MOST: Duration = Duration::from_secs(1);
