//! The durable store: opening it, and the state of its schema.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::adapter::sql::{Db, Migrated, PostgresSettings};

/// Where durable records live.
#[derive(Clone, Debug)]
pub enum Durable {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresSettings),
    /// Memory, for tests.
    Memory,
}

impl Durable {
    /// Opens the store with a schema that fits. A file is migrated at once; a database that other replicas use is
    /// migrated by `sceau migrate` alone; one that does not fit is refused.
    pub(super) async fn open(&self) -> anyhow::Result<Db> {
        let db = self.connect().await?;
        if !db.is_shared() {
            db.migrate().await.context("migrating the database")?;
            return Ok(db);
        }
        match db.schema_unfit().await.context("reading the schema's version")? {
            Some(unfit) => Err(unfit.into()),
            None => Ok(db),
        }
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> anyhow::Result<Migrated> {
        let db = self.connect().await?;
        let migrated = db.migrate().await.context("migrating the database")?;
        db.close().await;
        Ok(migrated)
    }

    pub(super) async fn connect(&self) -> anyhow::Result<Db> {
        let db = match self {
            Self::File(path) => Db::open(path).await,
            Self::Postgres(settings) => Db::connect(settings).await,
            Self::Memory => Db::in_memory().await,
        };
        db.context("opening the database")
    }
}
