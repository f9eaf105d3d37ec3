//! Where durable and ephemeral things are kept: a SQLite file or a PostgreSQL database, and this process or Redis.

use std::path::{Path, PathBuf};

use url::Url;

use super::error::refuse_if;
use super::raw::RawStorage;
use super::redis::Redis;
use super::{ConfigError, Postgres};

/// Checked stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Durable things.
    pub sql: Sql,
    /// Where ephemeral things are kept; none: this process.
    pub redis: Option<Redis>,
    /// That PostgreSQL has no synchronous standby is meant.
    pub without_standby: bool,
}

/// The store of durable things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sql {
    /// A file of this machine.
    Sqlite(PathBuf),
    /// A server, which several replicas may share.
    Postgres(Postgres),
}

impl Storage {
    pub(super) fn check(raw: &RawStorage) -> Result<Self, ConfigError> {
        let redis = Redis::check(raw)?;
        let text = raw.sql.as_deref().unwrap_or(USUAL);
        refuse_if(has_password(text), SQL, "carries a password: secrets come by file, never in a setting")?;
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let postgres = Postgres::check(text, raw.sql_password_file.clone())?;
            let without_standby = match raw.sql_standby.as_deref() {
                None | Some("synchronous") => false,
                Some("none") => true,
                Some(_) => return Err(ConfigError::refused(STANDBY, "must be synchronous or none")),
            };
            return Ok(Self { sql: Sql::Postgres(postgres), redis, without_standby });
        }
        refuse_if(raw.sql_password_file.is_some(), PASSWORD_FILE, "is for PostgreSQL alone")?;
        refuse_if(raw.sql_standby.is_some(), STANDBY, "is for PostgreSQL alone")?;
        let Some(path) = text.strip_prefix("sqlite://") else {
            return Err(ConfigError::refused(
                SQL,
                "not a known store: use sqlite://FILE or postgres://user@host/database",
            ));
        };
        refuse_if(path.is_empty() || path.ends_with('/'), SQL, "names no file: use sqlite://FILE")?;
        refuse_if(
            path.contains(['?', '#']) || path.contains(":memory:"),
            SQL,
            "must be a file name alone: no parameters, and not in memory",
        )?;
        Ok(Self { sql: Sql::Sqlite(PathBuf::from(path)), redis, without_standby: false })
    }
}

/// Whether a SQLite database has never been opened: its file is missing or empty.
pub(super) fn is_new(sqlite: &Path) -> std::io::Result<bool> {
    match std::fs::metadata(sqlite) {
        Ok(file) => Ok(file.len() == 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Also in the query, where some drivers take it, and before several hosts, which the crate `url` cannot read.
pub(super) fn has_password(text: &str) -> bool {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    if authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
        return true;
    }
    Url::parse(text).is_ok_and(|url| {
        let named = |name: &str| ["password", "pass"].iter().any(|word| name.eq_ignore_ascii_case(word));
        url.password().is_some() || url.query_pairs().any(|(name, _)| named(&name))
    })
}

const USUAL: &str = "sqlite://sceau.sqlite";
const SQL: &str = "storage.sql";
const STANDBY: &str = "storage.sql_standby";
pub(super) const PASSWORD_FILE: &str = "storage.sql_password_file";
