//! The database: the connections of one engine, and who may write.

use std::path::Path;
use std::time::Duration;

use sqlx::{PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tracing::Instrument as _;

use super::kept_connection::Kept;
use super::lanes::{Lanes, Turn};
use super::postgres::{Patient, PostgresServer, PostgresSettings, WRITERS, answered};
use super::sqlite::SqliteFile;
use super::statements::{BEGIN_IMMEDIATE, BEGIN_READ_COMMITTED};
use super::timing::Step;
use crate::ports::{PortError, PortResult};

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    engine: Engine<SqliteFile, PostgresServer>,
    lanes: Lanes,
}

/// The same thing on either engine.
#[derive(Clone, Debug)]
pub(super) enum Engine<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// Connections to read with.
pub(super) type Reader<'a> = Engine<&'a SqlitePool, Patient<&'a PgPool>>;
/// The connection of a transaction.
pub(super) type Connection<'a> = Engine<&'a mut SqliteConnection, Patient<&'a mut PgConnection>>;
/// A transaction under way. Dropped without a commit, it changed nothing.
pub(super) type Tx<'c> = Engine<Transaction<'c, Sqlite>, Patient<Transaction<'c, Postgres>>>;

impl Db {
    /// Opens the database file at `path`, made readable by its owner alone when there is none.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when it cannot be opened.
    pub async fn open(path: &Path) -> PortResult<Self> {
        Ok(Self { engine: Engine::Sqlite(SqliteFile::open(path).await?), lanes: Lanes::new(1) })
    }

    /// An empty database in memory, gone with its last handle. Its one connection reads and writes.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when SQLite refuses.
    pub async fn in_memory() -> PortResult<Self> {
        Ok(Self { engine: Engine::Sqlite(SqliteFile::in_memory().await?), lanes: Lanes::new(1) })
    }

    /// Connects to a PostgreSQL database.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when it does not answer, or refuses.
    pub async fn connect(settings: &PostgresSettings) -> PortResult<Self> {
        let server = PostgresServer::connect(settings).await?;
        Ok(Self { engine: Engine::Postgres(server), lanes: Lanes::new(WRITERS) })
    }

    /// Closes the connections; SQLite gives the write-ahead log back to the file.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(file) => {
                file.reader.close().await;
                file.writer.close().await;
            }
            Engine::Postgres(server) => {
                server.left.close();
                server.pool.close().await;
            }
        }
    }

    pub(super) const fn engine(&self) -> &Engine<SqliteFile, PostgresServer> {
        &self.engine
    }

    pub(super) const fn reader(&self) -> Reader<'_> {
        match &self.engine {
            Engine::Sqlite(file) => Engine::Sqlite(&file.reader),
            Engine::Postgres(server) => {
                Engine::Postgres(Patient { executor: &server.pool, patience: server.patience })
            }
        }
    }

    /// Connections that change one thing by one statement, without a transaction.
    pub(super) const fn writer(&self) -> Reader<'_> {
        match &self.engine {
            Engine::Sqlite(file) => Engine::Sqlite(&file.writer),
            Engine::Postgres(_) => self.reader(),
        }
    }

    /// A connection to keep for a while; SQLite's are at hand.
    pub(super) fn keep(&self) -> Option<Kept> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(server) => Some(Kept::new(server)),
        }
    }

    /// How long a writer waits for its turn.
    pub(super) const fn patience(&self) -> Duration {
        match &self.engine {
            Engine::Sqlite(_) => super::sqlite::TURN,
            Engine::Postgres(server) => server.patience,
        }
    }

    /// Waits for a place among the writers and begins a transaction. The audit lane goes with the place.
    pub(super) async fn turn(&self) -> PortResult<(Turn, Tx<'static>)> {
        self.turn_on(None).await
    }

    /// The same on a connection that the caller keeps, where there is one.
    pub(super) async fn turn_on<'c>(&self, kept: Option<&'c mut Kept>) -> PortResult<(Turn, Tx<'c>)> {
        let patience = self.patience();
        // One wait for both: a place is worth nothing when no connection comes with it.
        let begun = async {
            let turn = self.lanes.turn().await?;
            let tx = match kept {
                Some(kept) => kept.begin().await?,
                None => self.begin().await?,
            };
            Ok((turn, tx))
        };
        let _begun = Step::Turn.begun();
        tokio::time::timeout(patience, begun)
            .instrument(Step::Turn.span())
            .await
            .map_err(|_| PortError::Unavailable(String::from("no writer became free in time")))?
    }

    /// Begins a transaction in a place already held.
    pub(super) async fn begin(&self) -> PortResult<Tx<'static>> {
        match &self.engine {
            // The lock is taken before the first read.
            Engine::Sqlite(file) => Ok(Engine::Sqlite(file.writer.begin_with(BEGIN_IMMEDIATE).await?)),
            Engine::Postgres(server) => {
                let executor = answered(server.patience, begin_whole(server.pool.clone())).await?;
                Ok(Engine::Postgres(Patient { executor, patience: server.patience }))
            }
        }
    }
}

/// A BEGIN that is cut off would leave its transaction open, in a connection that the driver takes for a good one: it is
/// brought to its end, and what nobody waits for any more is taken back.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the answer of the server, which its own limits of time bound"
)]
async fn begin_whole(pool: PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    // Boxed: what is spawned is moved several times.
    let begun = tokio::spawn(Box::pin(async move { pool.begin_with(BEGIN_READ_COMMITTED).await }));
    begun.await.map_err(|_| sqlx::Error::WorkerCrashed)?
}

impl Tx<'_> {
    pub(super) fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(tx) => Engine::Sqlite(tx),
            Self::Postgres(tx) => {
                Engine::Postgres(Patient { executor: &mut tx.executor, patience: tx.patience })
            }
        }
    }

    /// When the answer does not come, nobody knows whether the transaction was committed.
    pub(super) async fn commit(self) -> PortResult<()> {
        on!(Commit, self, |tx| tx.commit())
    }

    pub(super) async fn rollback(self) -> PortResult<()> {
        on!(self, |tx| tx.rollback())
    }
}
