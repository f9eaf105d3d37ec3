//! Redis: an address without a password, the files of its secrets, the prefix of its keys.

use std::path::PathBuf;

use url::Url;

use super::ConfigError;
use super::error::refuse_if;
use super::raw::RawStorage;
use super::storage::has_password;

/// Checked settings of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// `redis://`, `rediss://` or `redis+unix://`.
    pub url: String,
    /// Holds the password of the user.
    pub password_file: Option<PathBuf>,
    /// PEM of the authorities of `rediss://`; none: the system's.
    pub ca_file: Option<PathBuf>,
    /// Every key begins with it.
    pub key_prefix: String,
}

impl Redis {
    pub(super) fn check(raw: &RawStorage) -> Result<Option<Self>, ConfigError> {
        let alone = "means nothing without storage.redis";
        let Some(url) = &raw.redis else {
            refuse_if(raw.redis_password_file.is_some(), PASSWORD_FILE, alone)?;
            refuse_if(raw.redis_ca_file.is_some(), CA_FILE, alone)?;
            refuse_if(raw.key_prefix.is_some(), PREFIX, alone)?;
            return Ok(None);
        };
        check_url(url)?;
        let encrypted = url.starts_with("rediss://");
        refuse_if(raw.redis_ca_file.is_some() && !encrypted, CA_FILE, "is for rediss:// only")?;
        let prefix = raw.key_prefix.as_deref().unwrap_or("sceau");
        // Braces would choose the slot of a cluster.
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let short = (1..=32).contains(&prefix.len());
        refuse_if(!short || !prefix.bytes().all(plain), PREFIX, "must be 1 to 32 of a-z, 0-9 and -")?;
        Ok(Some(Self {
            url: url.clone(),
            password_file: raw.redis_password_file.clone(),
            ca_file: raw.redis_ca_file.clone(),
            key_prefix: prefix.to_owned(),
        }))
    }
}

fn check_url(text: &str) -> Result<(), ConfigError> {
    refuse_if(has_password(text), REDIS, "carries a password: use storage.redis_password_file")?;
    let url = Url::parse(text).map_err(|_| ConfigError::refused(REDIS, "is not an address"))?;
    refuse_if(url.fragment().is_some(), REDIS, "has a fragment, which means nothing here")?;
    match url.scheme() {
        "redis" | "rediss" => {
            refuse_if(url.host().is_none(), REDIS, "names no host: use redis://host:port/db")?;
            refuse_if(url.query().is_some(), REDIS, "has parameters: use redis://host:port/db")?;
            let database = url.path().strip_prefix('/').unwrap_or_default();
            let number = database.is_empty() || database.parse::<u16>().is_ok();
            refuse_if(!number, REDIS, "must end in the number of a database, or in nothing")
        }
        "redis+unix" => {
            let named = url.host().is_none() && url.path().len() > 1;
            refuse_if(!named, REDIS, "names no socket: use redis+unix:///path")?;
            let strange = url.query_pairs().any(|(name, _)| name != "db" && name != "user");
            refuse_if(strange, REDIS, "may have the parameters db and user only")
        }
        _ => Err(ConfigError::refused(REDIS, "must be redis://, rediss:// or redis+unix://")),
    }
}

pub(super) const PASSWORD_FILE: &str = "storage.redis_password_file";
pub(super) const CA_FILE: &str = "storage.redis_ca_file";
const REDIS: &str = "storage.redis";
const PREFIX: &str = "storage.key_prefix";
