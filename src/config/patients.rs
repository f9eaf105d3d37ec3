//! The directory of patients.

use std::time::Duration;

use super::error::refuse_if;
use super::raw::RawPatients;
use super::{ConfigError, Issuer, duration};
use crate::identity::InsEnvironment;

const USUAL_COOLING: Duration = Duration::from_hours(72);
const SHORTEST_COOLING: Duration = Duration::from_hours(24);

/// Checked settings of patients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patients {
    /// Of which registers the health numbers are.
    pub ins: InsEnvironment,
    /// How long phones count least after a first link to another provider.
    pub cooling: Duration,
}

impl Patients {
    pub(super) fn check(raw: &RawPatients, issuer: &Issuer) -> Result<Self, ConfigError> {
        let ins = match raw.ins.as_deref() {
            None | Some("production") => InsEnvironment::Production,
            Some("test") => InsEnvironment::Test,
            Some(_) => return Err(ConfigError::refused("patients.ins", "must be production or test")),
        };
        let cooling = duration::read("patients.cooling", raw.cooling.as_deref(), USUAL_COOLING)?;
        refuse_if(
            cooling < SHORTEST_COOLING && !issuer.is_loopback(),
            "patients.cooling",
            "must be at least 24h, except on loopback: time for the patient to read the notice of a first link",
        )?;
        Ok(Self { ins, cooling })
    }

    /// As written in settings.
    pub(super) const fn ins_word(self) -> &'static str {
        match self.ins {
            InsEnvironment::Production => "production",
            InsEnvironment::Test => "test",
        }
    }
}
