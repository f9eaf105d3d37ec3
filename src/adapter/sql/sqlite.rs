//! A SQLite file: one connection that writes, a few that read.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

use crate::ports::{PortError, PortResult};

/// The connections of a file, or of a database in memory.
#[derive(Clone, Debug)]
pub(super) struct SqliteFile {
    pub(super) writer: SqlitePool,
    pub(super) reader: SqlitePool,
}

impl SqliteFile {
    pub(super) async fn open(path: &Path) -> PortResult<Self> {
        create_private(path).map_err(|error| PortError::Unavailable(error.to_string()))?;
        let options = connection().filename(path).journal_mode(SqliteJournalMode::Wal);
        let writer = pool(1).connect_with(options.clone()).await?;
        let reader = pool(READERS).connect_lazy_with(options.read_only(true));
        Ok(Self { writer, reader })
    }

    pub(super) async fn in_memory() -> PortResult<Self> {
        let options = connection().in_memory(true);
        // No second connection would see the same database: this one is kept as it is.
        let one = pool(1).idle_timeout(None).max_lifetime(None).test_before_acquire(false);
        let writer = one.connect_with(options).await?;
        Ok(Self { reader: writer.clone(), writer })
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

/// How long a connection is waited for, and how long another process that holds the file: both together end within two
/// seconds.
const PATIENCE: Duration = Duration::from_millis(900);
/// How long a writer waits for its turn.
pub(super) const TURN: Duration = Duration::from_millis(1800);
const READERS: u32 = 4;
pub(super) const STATEMENT_CACHE: usize = 128;
