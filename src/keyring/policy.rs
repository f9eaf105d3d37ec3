//! The times at which keys move, read from `keys/policy.toml`.
//!
//! `OpenID Connect Core 10.1.1`: a relying party must find a key before it meets a signature made with it.
//! Says when; `sweep` says what.

use std::time::Duration;

use serde::Deserialize;

use crate::jose::{Algorithm, KeyManagement};

/// The policy shipped with this program: `keys/policy.toml`.
pub const SHIPPED_POLICY: &str = include_str!("../../keys/policy.toml");

/// When keys are published, used, replaced and forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPolicy {
    /// Signing algorithms that always have one active key and one standby.
    pub algorithms: Vec<String>,
    /// Key-management algorithms that always have one active key and one standby. Upstreams that encrypt add theirs.
    #[serde(default)]
    pub decryption: Vec<KeyManagement>,
    /// From publication to first use.
    #[serde(deserialize_with = "duration")]
    pub lead: Duration,
    /// `Cache-Control: max-age` of `/jwks`.
    #[serde(deserialize_with = "duration")]
    pub jwks_max_age: Duration,
    /// How often a replica reads the keys.
    #[serde(deserialize_with = "duration")]
    pub poll: Duration,
    /// Clock difference allowed.
    #[serde(deserialize_with = "duration")]
    pub skew: Duration,
    /// Age of an active key at which it is replaced.
    #[serde(deserialize_with = "duration")]
    pub rotation: Duration,
    /// From replacement to leaving publication.
    #[serde(deserialize_with = "duration")]
    pub retirement: Duration,
    /// The longest life of anything signed.
    #[serde(deserialize_with = "duration")]
    pub longest_token_life: Duration,
    /// One signature in so many is verified with the published key before it is sent; the first one always, and every
    /// one of a key kept in a device.
    #[serde(default = "usual_share")]
    pub verify_one_in: u32,
}

/// A policy that cannot be followed, with the sentence an operator reads.
#[derive(Debug, thiserror::Error)]
pub enum KeyPolicyError {
    /// Not TOML, a field missing or unknown, or not a duration.
    #[error("the key policy cannot be read: {0}")]
    Unreadable(#[from] toml::de::Error),
    /// A time that must pass is zero.
    #[error("the key policy has a zero duration: {0} must be longer")]
    Zero(&'static str),
    /// A fault of the signer would never be noticed.
    #[error("verify_one_in must be at least 1, which verifies every signature before it is sent")]
    VerifyNone,
    /// Nothing could be signed.
    #[error("the key policy keeps no signing algorithm: list at least one, such as ES256")]
    NoAlgorithm,
    /// An algorithm this program does not sign with, or listed twice.
    #[error("the key policy lists a signing algorithm twice or one that is not ES256, PS256, RS256 or EdDSA")]
    Algorithm,
    /// A key would sign before every relying party and replica could have read it.
    #[error("lead must be at least jwks_max_age + poll + skew: a key would sign before it is known")]
    Lead,
    /// The standby would never be ready in time.
    #[error("rotation must be longer than lead: the standby would not be ready when the active key is due")]
    Rotation,
    /// A key would disappear while tokens signed with it are alive.
    #[error("retirement must be at least longest_token_life + skew: living tokens would stop verifying")]
    RetirementTokens,
    /// A decryption key would be destroyed while relying parties still encrypt to it.
    #[error("retirement must be at least jwks_max_age + skew: relying parties would encrypt to a lost key")]
    RetirementCache,
}

impl KeyPolicy {
    /// Reads and checks a policy.
    ///
    /// # Errors
    /// [`KeyPolicyError`], whose text is the sentence to show the operator.
    pub fn parse(toml: &str) -> Result<Self, KeyPolicyError> {
        let policy: Self = toml::from_str(toml)?;
        policy.check()?;
        Ok(policy)
    }

    /// The least time from publication to use that no correct relying party or replica can miss.
    #[must_use]
    pub fn least_lead(&self) -> Duration {
        self.jwks_max_age.saturating_add(self.poll).saturating_add(self.skew)
    }

    fn check(&self) -> Result<(), KeyPolicyError> {
        let must_pass = [
            ("jwks_max_age", self.jwks_max_age),
            ("poll", self.poll),
            ("longest_token_life", self.longest_token_life),
        ];
        if let Some((name, _)) = must_pass.into_iter().find(|(_, time)| time.is_zero()) {
            return Err(KeyPolicyError::Zero(name));
        }
        if self.verify_one_in == 0 {
            return Err(KeyPolicyError::VerifyNone);
        }
        self.check_algorithms()?;
        if self.lead < self.least_lead() {
            return Err(KeyPolicyError::Lead);
        }
        if self.rotation <= self.lead {
            return Err(KeyPolicyError::Rotation);
        }
        if self.retirement < self.longest_token_life.saturating_add(self.skew) {
            return Err(KeyPolicyError::RetirementTokens);
        }
        if self.retirement < self.jwks_max_age.saturating_add(self.skew) {
            return Err(KeyPolicyError::RetirementCache);
        }
        Ok(())
    }

    fn check_algorithms(&self) -> Result<(), KeyPolicyError> {
        if self.algorithms.is_empty() {
            return Err(KeyPolicyError::NoAlgorithm);
        }
        let known = |name: &String| name.parse::<Algorithm>().is_ok();
        let once = |name: &&String| self.algorithms.iter().filter(|other| other == name).count() == 1;
        if self.algorithms.iter().all(|name| known(name) && once(&name)) {
            Ok(())
        } else {
            Err(KeyPolicyError::Algorithm)
        }
    }
}

impl Default for KeyPolicy {
    /// The values of [`SHIPPED_POLICY`]; a test holds the two equal.
    fn default() -> Self {
        Self {
            algorithms: vec![String::from("ES256")],
            decryption: Vec::new(),
            lead: Duration::from_hours(26),
            jwks_max_age: Duration::from_mins(10),
            poll: Duration::from_secs(30),
            skew: Duration::from_mins(1),
            rotation: Duration::from_hours(90 * 24),
            retirement: Duration::from_hours(26),
            longest_token_life: Duration::from_mins(10),
            verify_one_in: usual_share(),
        }
    }
}

const fn usual_share() -> u32 {
    64
}

/// `"30s"`, `"10m"`, `"26h"`, `"90d"`: a day is 24 hours.
fn duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refused = || serde::de::Error::custom("a duration is a number and s, m, h or d, such as \"26h\"");
    let unit = text.chars().next_back().ok_or_else(refused)?;
    let count = text.strip_suffix(unit).ok_or_else(refused)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(refused()),
    };
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    let count: u64 = count.parse().map_err(|_| refused())?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(refused)
}
