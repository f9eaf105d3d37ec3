//! What an import of the national directory may change.

use super::ConfigError;
use super::error::refuse_if;
use super::raw::RawDirectory;

/// Checked limits of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Persons that a run may change, in percent of those stored; 100: all.
    pub max_change_share: u8,
    /// Codes of professions that are left out.
    pub excluded_professions: Vec<String>,
}

impl Directory {
    pub(super) fn check(raw: &RawDirectory) -> Result<Self, ConfigError> {
        let share = u8::try_from(raw.max_change_share.unwrap_or(5)).ok().filter(|share| *share <= 100);
        let max_change_share = share.ok_or_else(|| {
            ConfigError::refused("directory.max_change_share", "must be a number of percent, 0 to 100")
        })?;
        let code = |code: &String| {
            (1..=4).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        refuse_if(
            !raw.excluded_professions.iter().all(code),
            "directory.excluded_professions",
            "must be codes of the table TRE_G15, such as \"35\"",
        )?;
        Ok(Self { max_change_share, excluded_professions: raw.excluded_professions.clone() })
    }
}
