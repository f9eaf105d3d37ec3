//! The directory of patients.

use super::ConfigError;
use super::raw::RawPatients;
use crate::identity::InsEnvironment;

/// Checked settings of patients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patients {
    /// Of which registers the health numbers are.
    pub ins: InsEnvironment,
}

impl Patients {
    pub(super) fn check(raw: &RawPatients) -> Result<Self, ConfigError> {
        let ins = match raw.ins.as_deref() {
            None | Some("production") => InsEnvironment::Production,
            Some("test") => InsEnvironment::Test,
            Some(_) => return Err(ConfigError::refused("patients.ins", "must be production or test")),
        };
        Ok(Self { ins })
    }

    /// As written in settings.
    pub(super) const fn ins_word(self) -> &'static str {
        match self.ins {
            InsEnvironment::Production => "production",
            InsEnvironment::Test => "test",
        }
    }
}
