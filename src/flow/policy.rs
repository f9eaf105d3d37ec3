//! Lifetimes and rules, as configured.

use std::time::Duration;

use crate::device::AttestationPolicy;
use crate::identity::{AssurancePolicy, InsEnvironment, SectorSettings};
use crate::keyring::KeyPolicy;

use super::ActivationPolicy;

/// How long things live. Defaults are those of Pro Santé Connect where it publishes them.
#[derive(Clone, Debug)]
pub struct Lifetimes {
    /// Access token, and ID token.
    pub access_token: Duration,
    /// Refresh token without use.
    pub refresh_idle: Duration,
    /// Session, at most.
    pub session: Duration,
    /// Session without use.
    pub session_idle: Duration,
    /// Authorization code.
    pub code: Duration,
    /// Pushed authorization request.
    pub pushed_request: Duration,
    /// Authorization request in a browser.
    pub interaction: Duration,
    /// Request for approval on a phone.
    pub approval: Duration,
    /// WebAuthn ceremony.
    pub ceremony: Duration,
    /// Activation codes.
    pub activation: Duration,
    /// An enrolled phone.
    pub device: Duration,
    /// Clock difference tolerated on incoming assertions and proofs.
    pub skew: Duration,
    /// A browser's stay at another identity provider.
    pub federation: Duration,
    /// How long a phone enrolled after a first link to another provider counts least.
    pub cooling: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token: Duration::from_mins(2),
            refresh_idle: Duration::from_mins(30),
            session: Duration::from_hours(4),
            session_idle: Duration::from_mins(30),
            code: Duration::from_mins(1),
            pushed_request: Duration::from_secs(90),
            interaction: Duration::from_mins(15),
            approval: Duration::from_secs(90),
            ceremony: Duration::from_mins(1),
            activation: Duration::from_mins(10),
            device: Duration::from_hours(26280),
            skew: Duration::from_secs(10),
            federation: Duration::from_mins(10),
            cooling: Duration::from_hours(72),
        }
    }
}

/// What the flows obey.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Issuer identifier, byte for byte as in discovery; no trailing slash.
    pub issuer: String,
    /// Lifetimes.
    pub lifetimes: Lifetimes,
    /// Ceiling of assurance.
    pub assurance: AssurancePolicy,
    /// Which phones are accepted, at what level.
    pub attestation: AttestationPolicy,
    /// Constants of the sector claims.
    pub sector: SectorSettings,
    /// Key life cycle.
    pub keys: KeyPolicy,
    /// Requests of one client a second, at each process; 0: no limit.
    pub client_rate: u32,
    /// Active phones per person.
    pub devices_per_person: u32,
    /// Live approvals per person.
    pub live_approvals: usize,
    /// How activation codes are drawn and kept.
    pub activation: ActivationPolicy,
    /// Times an hour that anybody may ask for activation codes, for anybody.
    pub codes_per_hour: u32,
    /// What an import of the directory may change.
    pub directory: DirectoryPolicy,
    /// Of which registers the patients' health numbers are.
    pub patients_ins: InsEnvironment,
}

/// What an import of the directory may change.
#[derive(Clone, Debug)]
pub struct DirectoryPolicy {
    /// Persons that a run may change, in percent of those stored; 100: all.
    pub max_change_share: u8,
    /// Professions that are left out (codes of `TRE_G15`).
    pub excluded_professions: Vec<String>,
}

impl Default for DirectoryPolicy {
    fn default() -> Self {
        Self { max_change_share: 5, excluded_professions: Vec::new() }
    }
}
