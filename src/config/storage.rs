//! Where durable and ephemeral things are kept: one SQLite file, and this process or Redis.

use std::path::{Path, PathBuf};

use url::Url;

use super::ConfigError;
use super::error::refuse_if;
use super::raw::RawStorage;
use super::redis::Redis;

/// Checked stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The SQLite file of durable things.
    pub sqlite: PathBuf,
    /// Where ephemeral things are kept; none: this process.
    pub redis: Option<Redis>,
}

impl Storage {
    pub(super) fn check(raw: &RawStorage) -> Result<Self, ConfigError> {
        let redis = Redis::check(raw)?;
        let text = raw.sql.as_deref().unwrap_or(USUAL);
        refuse_if(has_password(text), SQL, "carries a password: secrets come by file, never in a setting")?;
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Err(ConfigError::refused(
                SQL,
                "PostgreSQL is not supported by this build: use sqlite://FILE",
            ));
        }
        let Some(path) = text.strip_prefix("sqlite://") else {
            return Err(ConfigError::refused(SQL, "not a known store: use sqlite://FILE"));
        };
        refuse_if(path.is_empty() || path.ends_with('/'), SQL, "names no file: use sqlite://FILE")?;
        refuse_if(
            path.contains(['?', '#']) || path.contains(":memory:"),
            SQL,
            "must be a file name alone: no parameters, and not in memory",
        )?;
        Ok(Self { sqlite: PathBuf::from(path), redis })
    }

    /// Whether the database has never been opened: its file is missing or empty.
    ///
    /// # Errors
    /// The folder cannot be looked into.
    pub fn is_new(&self) -> std::io::Result<bool> {
        match std::fs::metadata(&self.sqlite) {
            Ok(file) => Ok(file.len() == 0),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// A file beside the database, named after it.
    pub(super) fn beside(&self, extension: &str) -> PathBuf {
        let mut name = self.sqlite.clone().into_os_string();
        name.push(extension);
        Path::new(&name).to_owned()
    }
}

/// Also in the query, where some drivers take it.
pub(super) fn has_password(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let named = |name: &str| ["password", "pass"].iter().any(|word| name.eq_ignore_ascii_case(word));
        url.password().is_some() || url.query_pairs().any(|(name, _)| named(&name))
    })
}

const USUAL: &str = "sqlite://sceau.sqlite";
const SQL: &str = "storage.sql";
