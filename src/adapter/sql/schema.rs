//! The schema: made and changed by migrations, one folder of them per engine.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _};

use super::Db;
use super::db::Engine;
use super::statements::{SCHEMA_MADE_POSTGRES, SCHEMA_MADE_SQLITE, SCHEMA_SUPPORT, SCHEMA_VERSION};
use crate::ports::{PortError, PortResult};

/// What a migration did. Version 0 is an empty database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Version before.
    pub from: i64,
    /// Version now.
    pub to: i64,
}

/// Why a program cannot work on a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaUnfit {
    /// It is older than the program.
    #[error(
        "the schema of the database is version {version}, and this program needs version {needed}: run `sceau migrate` first"
    )]
    Older {
        /// Of the database.
        version: i64,
        /// Of the program.
        needed: i64,
    },
    /// It is newer, and has lost what the program needs.
    #[error(
        "the schema of the database is version {version}, which serves programs of version {from} or later, and this one is of version {needed}: start a newer one"
    )]
    Newer {
        /// Of the database.
        version: i64,
        /// The oldest program.
        from: i64,
        /// Of the program.
        needed: i64,
    },
}

impl Db {
    /// Brings the schema up to date.
    ///
    /// # Errors
    /// [`PortError::Corrupt`] when the schema is not one this program made.
    pub async fn migrate(&self) -> PortResult<Migrated> {
        let from = self.schema_version().await?;
        match self.engine() {
            Engine::Sqlite(file) => SQLITE.run(&file.writer).await.map_err(refused)?,
            Engine::Postgres(server) => {
                let mut connection: PgConnection = server.migrator().connect().await?;
                POSTGRES.run(&mut connection).await.map_err(refused)?;
                connection.close().await?;
            }
        }
        Ok(Migrated { from, to: self.schema_version().await? })
    }

    /// The version of the schema.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn schema_version(&self) -> PortResult<i64> {
        let made = match self.engine() {
            Engine::Sqlite(_) => SCHEMA_MADE_SQLITE,
            Engine::Postgres(_) => SCHEMA_MADE_POSTGRES,
        };
        let made: bool = on!(self.reader(), |c| sqlx::query_scalar(made).fetch_one(c))?;
        if !made {
            return Ok(0);
        }
        let version: Option<i64> = on!(self.reader(), |c| sqlx::query_scalar(SCHEMA_VERSION).fetch_one(c))?;
        Ok(version.unwrap_or(0))
    }

    /// The version this program needs.
    #[must_use]
    pub fn schema_needed(&self) -> i64 {
        let migrations = match self.engine() {
            Engine::Sqlite(_) => &SQLITE,
            Engine::Postgres(_) => &POSTGRES,
        };
        migrations.iter().map(|migration| migration.version).max().unwrap_or(0)
    }

    /// Why this program cannot work on the schema; none when it can. A newer schema is that of a newer program: replicas
    /// are replaced one by one, and each migration says since which version programs go on under it.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn schema_unfit(&self) -> PortResult<Option<SchemaUnfit>> {
        let (version, needed) = (self.schema_version().await?, self.schema_needed());
        if version < needed {
            return Ok(Some(SchemaUnfit::Older { version, needed }));
        }
        if version == needed {
            return Ok(None);
        }
        let from: Option<i64> = on!(self.reader(), |c| sqlx::query_scalar(SCHEMA_SUPPORT).fetch_optional(c))?;
        let from = from.unwrap_or(version);
        Ok((needed < from).then_some(SchemaUnfit::Newer { version, from, needed }))
    }

    /// Whether several replicas may work on it, so that none changes the schema under the others.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self.engine(), Engine::Postgres(_))
    }
}

fn refused(error: MigrateError) -> PortError {
    match error {
        MigrateError::Execute(error) => error.into(),
        error => PortError::Corrupt(error.to_string()),
    }
}

static SQLITE: Migrator = sqlx::migrate!("src/adapter/sql/migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("src/adapter/sql/migrations/postgres");
