//! Connections that groups use again without having given them back in between: the pool asks each that it gets back
//! whether it lives, in a task of its own, which costs as much as what was asked.
//!
//! For a second at most: what the pool looks at when it gives a connection, above all whether another server takes the writes
//! by now, would not be seen. One on which something went wrong goes to the pool at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection as _, Postgres};

use super::db::{Engine, Tx};
use super::postgres::{Patient, PostgresServer, answered};
use super::statements::BEGIN_READ_COMMITTED;
use crate::ports::PortResult;

/// What groups have left for the next ones; nothing once the pool is closed, which waits for all of its connections.
#[derive(Clone, Debug)]
pub(super) struct Left(Arc<Mutex<Option<Vec<Taken>>>>);

/// A connection, and when the pool gave it.
#[derive(Debug)]
struct Taken {
    connection: PoolConnection<Postgres>,
    since: Instant,
}

impl Taken {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < AT_MOST
    }
}

impl Left {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// Gives all back, those too that come later.
    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    fn take(&self) -> Option<Taken> {
        self.lock().as_mut().and_then(Vec::pop)
    }

    fn leave(&self, taken: Taken) {
        let mut left = self.lock();
        let Some(left) = left.as_mut() else { return };
        left.retain(Taken::is_fresh);
        if left.len() < MOST && taken.is_fresh() {
            left.push(taken);
        }
    }

    /// A panic elsewhere leaves it whole: every change is one call.
    fn lock(&self) -> MutexGuard<'_, Option<Vec<Taken>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of a group, got when it is first needed.
pub(super) struct Kept {
    pool: PgPool,
    left: Left,
    patience: Duration,
    taken: Option<Taken>,
}

impl Kept {
    pub(super) fn new(server: &PostgresServer) -> Self {
        let (pool, left) = (server.pool.clone(), server.left.clone());
        Self { pool, left, patience: server.patience, taken: None }
    }

    /// The connection: the one that is kept, one that was left, or another one when that is over.
    pub(super) async fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        let kept = self.taken.take().or_else(|| self.left.take()).filter(Taken::is_fresh);
        let taken = if let Some(taken) = kept {
            taken
        } else {
            // The future that may have to connect is large.
            let connection = Box::pin(self.pool.acquire()).await?;
            Taken { connection, since: Instant::now() }
        };
        Ok(&mut self.taken.insert(taken).connection)
    }

    /// Leaves it to the pool to find out whether it can be used again: something went wrong.
    pub(super) fn give_back(&mut self) {
        self.taken = None;
    }

    /// Closes it: a BEGIN that was cut off may have left a transaction open, of which the driver does not know.
    pub(super) fn close(&mut self) {
        if let Some(mut taken) = self.taken.take() {
            taken.connection.close_on_drop();
        }
    }

    /// Leaves it to another group.
    pub(super) fn leave(mut self) {
        if let Some(taken) = self.taken.take() {
            self.left.leave(taken);
        }
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
/// Connections left at a time: with those of all writers, fewer than there are.
const MOST: usize = 2;
