//! Redis: an address without a password, the files of its secrets, the prefix of its keys.

use std::path::PathBuf;

use super::ConfigError;
use super::error::refuse_if;
use super::raw::RawStorage;
use super::redis_servers::{PASSWORD, RedisServers};
use super::storage::has_password;

/// Checked settings of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// Its address, as it is written.
    pub url: String,
    /// Where it is.
    pub servers: RedisServers,
    /// Whether every line to it is encrypted (`rediss`).
    pub encrypted: bool,
    /// Holds the password of the user.
    pub password_file: Option<PathBuf>,
    /// Holds the password of the sentinels.
    pub sentinel_password_file: Option<PathBuf>,
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
            refuse_if(raw.redis_sentinel_password_file.is_some(), SENTINEL_PASSWORD_FILE, alone)?;
            refuse_if(raw.redis_ca_file.is_some(), CA_FILE, alone)?;
            refuse_if(raw.key_prefix.is_some(), PREFIX, alone)?;
            return Ok(None);
        };
        refuse_if(has_password(url), REDIS, PASSWORD)?;
        let servers = RedisServers::read(url)?;
        let encrypted = url.starts_with("rediss");
        refuse_if(raw.redis_ca_file.is_some() && !encrypted, CA_FILE, "is for rediss:// only")?;
        let watched = matches!(servers, RedisServers::Sentinel { .. });
        let sentinels = raw.redis_sentinel_password_file.is_some() && !watched;
        refuse_if(sentinels, SENTINEL_PASSWORD_FILE, "is for redis+sentinel:// only")?;
        let prefix = raw.key_prefix.as_deref().unwrap_or("sceau");
        // Braces would choose the slot of a cluster.
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let short = (1..=32).contains(&prefix.len());
        refuse_if(!short || !prefix.bytes().all(plain), PREFIX, "must be 1 to 32 of a-z, 0-9 and -")?;
        Ok(Some(Self {
            url: url.clone(),
            servers,
            encrypted,
            password_file: raw.redis_password_file.clone(),
            sentinel_password_file: raw.redis_sentinel_password_file.clone(),
            ca_file: raw.redis_ca_file.clone(),
            key_prefix: prefix.to_owned(),
        }))
    }
}

pub(super) const PASSWORD_FILE: &str = "storage.redis_password_file";
pub(super) const CA_FILE: &str = "storage.redis_ca_file";
pub(super) const SENTINEL_PASSWORD_FILE: &str = "storage.redis_sentinel_password_file";
pub(super) const REDIS: &str = "storage.redis";
const PREFIX: &str = "storage.key_prefix";
