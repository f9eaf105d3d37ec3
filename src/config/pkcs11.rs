//! The hardware token of the signing keys (PKCS #11). Its PIN comes by file (design decision 21).

use std::path::PathBuf;
use std::time::Duration;

use super::error::refuse_if;
use super::raw::RawPkcs11;
use super::{ConfigError, duration};

/// A token and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs11 {
    /// The PKCS #11 module: a shared library.
    pub module: PathBuf,
    /// Label of the token.
    pub token: String,
    /// File whose first line is the PIN.
    pub pin_file: PathBuf,
    /// Sessions at once, 1 to 64.
    pub sessions: usize,
    /// Budget of one call.
    pub timeout: Duration,
}

impl Pkcs11 {
    pub(super) fn check(raw: &RawPkcs11) -> Result<Self, ConfigError> {
        let (Some(module), Some(token), Some(pin_file)) = (&raw.module, &raw.token, &raw.pin_file) else {
            return Err(ConfigError::refused("keys.pkcs11", "needs module, token and pin_file"));
        };
        // A name alone would be looked for in folders that others may write.
        refuse_if(!module.is_absolute(), "keys.pkcs11.module", "must be an absolute path")?;
        refuse_if(token.is_empty() || token.len() > 32, "keys.pkcs11.token", "is a label of 1 to 32 bytes")?;
        let sessions = usize::from(raw.sessions.unwrap_or(8));
        refuse_if(!(1..=64).contains(&sessions), "keys.pkcs11.sessions", "must be 1 to 64")?;
        let timeout = duration::read("keys.pkcs11.timeout", raw.timeout.as_deref(), USUAL_TIMEOUT)?;
        refuse_if(
            timeout.is_zero() || timeout > LONGEST_TIMEOUT,
            "keys.pkcs11.timeout",
            "must be 1s to 10s",
        )?;
        Ok(Self {
            module: module.clone(),
            token: token.clone(),
            pin_file: pin_file.clone(),
            sessions,
            timeout,
        })
    }
}

const USUAL_TIMEOUT: Duration = Duration::from_secs(2);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(10);
