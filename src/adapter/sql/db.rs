//! The database: one writer connection, a few readers, migrations.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::audit::Lane;
use crate::ports::{PortError, PortResult};

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    writer: SqlitePool,
    reader: SqlitePool,
    lane: Arc<Mutex<Option<Lane>>>,
}

impl Db {
    /// Opens the database file at `path`, made readable by its owner alone when there is none.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when it cannot be opened.
    pub async fn open(path: &Path) -> PortResult<Self> {
        create_private(path).map_err(|error| PortError::Unavailable(error.to_string()))?;
        let options = connection().filename(path).journal_mode(SqliteJournalMode::Wal);
        let writer = pool(1).connect_with(options.clone()).await?;
        let reader = pool(READERS).connect_lazy_with(options.read_only(true));
        Ok(Self { writer, reader, lane: Arc::default() })
    }

    /// An empty database in memory, gone with its last handle. Its one connection reads and writes.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when SQLite refuses.
    pub async fn in_memory() -> PortResult<Self> {
        let options = connection().in_memory(true);
        // No second connection would see the same database: this one is kept as it is.
        let one = pool(1).idle_timeout(None).max_lifetime(None).test_before_acquire(false);
        let writer = one.connect_with(options).await?;
        Ok(Self { reader: writer.clone(), writer, lane: Arc::default() })
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// [`PortError::Corrupt`] when the schema is not one this program made.
    pub async fn migrate(&self) -> PortResult<()> {
        MIGRATIONS.run(&self.writer).await.map_err(|error| PortError::Corrupt(error.to_string()))
    }

    /// Closes the connections and gives the write-ahead log back to the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    pub(super) const fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(super) const fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// Waits for the writer's turn. The audit lane goes with it.
    pub(super) async fn turn(&self) -> PortResult<OwnedMutexGuard<Option<Lane>>> {
        tokio::time::timeout(PATIENCE, Arc::clone(&self.lane).lock_owned())
            .await
            .map_err(|_| PortError::Unavailable(String::from("the writer is busy")))
    }
}

fn connection() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .create_if_missing(true)
        // NORMAL can lose a committed fence when the power fails.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .auto_vacuum(SqliteAutoVacuum::None)
        .statement_cache_capacity(STATEMENT_CACHE)
        // Destroyed private parts and erased values are overwritten.
        .pragma("secure_delete", "ON")
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE)
}

#[cfg(unix)]
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().append(true).create(true).open(path).map(drop)
}

static MIGRATIONS: Migrator = sqlx::migrate!("src/adapter/sql/migrations/sqlite");
const PATIENCE: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
const STATEMENT_CACHE: usize = 128;
