//! Settings that cannot be used, with the sentence an operator reads.

use std::borrow::Cow;
use std::path::PathBuf;

/// Why there is no [`Config`](super::Config).
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The settings file does not open, or is not text.
    #[error("the settings file {} cannot be read: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Not TOML, an unknown setting, or one of the wrong type.
    #[error("the settings cannot be understood: {0}")]
    Unreadable(#[source] Box<::config::ConfigError>),
    /// A setting that cannot be followed.
    #[error("{setting}: {reason}")]
    Refused {
        /// The setting to change, as it is written in TOML.
        setting: &'static str,
        /// What is wrong with it. Never repeats a value that could be a secret.
        reason: Cow<'static, str>,
    },
}

impl ConfigError {
    /// The setting to change, where one is to blame.
    #[must_use]
    pub const fn setting(&self) -> Option<&'static str> {
        match self {
            Self::Refused { setting, .. } => Some(setting),
            Self::File { .. } | Self::Unreadable(_) => None,
        }
    }

    pub(super) fn refused(setting: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { setting, reason: reason.into() }
    }
}

impl From<::config::ConfigError> for ConfigError {
    fn from(error: ::config::ConfigError) -> Self {
        Self::Unreadable(Box::new(error))
    }
}

/// Refuses `setting` when `broken`.
pub(super) fn refuse_if(
    broken: bool,
    setting: &'static str,
    reason: &'static str,
) -> Result<(), ConfigError> {
    if broken { Err(ConfigError::refused(setting, reason)) } else { Ok(()) }
}
