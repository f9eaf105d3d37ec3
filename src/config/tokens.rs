//! How long things live, and the orderings that must hold.

use std::time::Duration;

use super::error::refuse_if;
use super::raw::RawTokens;
use super::{ConfigError, duration};

/// How long things live. Defaults are those of Pro Santé Connect where it publishes them.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// `WebAuthn` ceremony.
    pub ceremony: Duration,
    /// Activation codes.
    pub activation: Duration,
    /// An enrolled phone.
    pub device: Duration,
    /// Clock difference tolerated on incoming assertions and proofs.
    pub skew: Duration,
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
            device: Duration::from_hours(3 * 365 * 24),
            skew: Duration::from_secs(10),
        }
    }
}

impl Lifetimes {
    pub(super) fn check(raw: &RawTokens) -> Result<Self, ConfigError> {
        let usual = Self::default();
        let time = |setting, text: &Option<String>, usual| duration::read(setting, text.as_deref(), usual);
        let lifetimes = Self {
            access_token: time("tokens.access_token", &raw.access_token, usual.access_token)?,
            refresh_idle: time("tokens.refresh_idle", &raw.refresh_idle, usual.refresh_idle)?,
            session: time("tokens.session", &raw.session, usual.session)?,
            session_idle: time("tokens.session_idle", &raw.session_idle, usual.session_idle)?,
            code: time("tokens.code", &raw.code, usual.code)?,
            pushed_request: time("tokens.pushed_request", &raw.pushed_request, usual.pushed_request)?,
            interaction: time("tokens.interaction", &raw.interaction, usual.interaction)?,
            approval: time("tokens.approval", &raw.approval, usual.approval)?,
            ceremony: time("tokens.ceremony", &raw.ceremony, usual.ceremony)?,
            activation: time("tokens.activation", &raw.activation, usual.activation)?,
            device: time("tokens.device", &raw.device, usual.device)?,
            skew: time("tokens.skew", &raw.skew, usual.skew)?,
        };
        lifetimes.check_zero()?;
        lifetimes.check_limits()?;
        lifetimes.check_order()?;
        Ok(lifetimes)
    }

    /// Every lifetime with its setting, in the order of the example.
    pub(super) fn table(&self) -> [(&'static str, Duration); 12] {
        [
            ("tokens.access_token", self.access_token),
            ("tokens.refresh_idle", self.refresh_idle),
            ("tokens.session", self.session),
            ("tokens.session_idle", self.session_idle),
            ("tokens.code", self.code),
            ("tokens.pushed_request", self.pushed_request),
            ("tokens.interaction", self.interaction),
            ("tokens.approval", self.approval),
            ("tokens.ceremony", self.ceremony),
            ("tokens.activation", self.activation),
            ("tokens.device", self.device),
            ("tokens.skew", self.skew),
        ]
    }

    /// No clock difference at all can be meant; nothing else can live for no time.
    fn check_zero(&self) -> Result<(), ConfigError> {
        let zero =
            self.table().into_iter().find(|(setting, time)| time.is_zero() && *setting != "tokens.skew");
        zero.map_or(Ok(()), |(setting, _)| Err(ConfigError::refused(setting, "must be longer than zero")))
    }

    fn check_limits(&self) -> Result<(), ConfigError> {
        let seconds = Duration::from_secs;
        refuse_if(self.access_token > seconds(600), "tokens.access_token", "must be at most 600s")?;
        // RFC 6749 4.1.2 allows ten minutes; a browser needs one redirect.
        refuse_if(self.code > seconds(60), "tokens.code", "must be at most 60s")?;
        // RFC 9126 2.2: between 5 and 600 seconds.
        refuse_if(
            !(seconds(5)..=seconds(600)).contains(&self.pushed_request),
            "tokens.pushed_request",
            "must be between 5s and 600s (RFC 9126 2.2)",
        )?;
        refuse_if(
            !(seconds(60)..=seconds(120)).contains(&self.approval),
            "tokens.approval",
            "must be between 60s and 120s: time to take the phone, no time to wear its owner down",
        )?;
        // A revocation is remembered in memory for a day: no session may outlive that.
        refuse_if(self.session > seconds(86_400), "tokens.session", "must be at most 24h")?;
        refuse_if(self.activation > seconds(3600), "tokens.activation", "must be at most 1h")?;
        refuse_if(self.skew > seconds(60), "tokens.skew", "must be at most 60s")
    }

    fn check_order(&self) -> Result<(), ConfigError> {
        refuse_if(
            self.session_idle > self.session,
            "tokens.session_idle",
            "must not be longer than tokens.session",
        )?;
        // Until refresh tokens have a life of their own they die with their session.
        refuse_if(
            self.refresh_idle > self.session,
            "tokens.refresh_idle",
            "must not be longer than tokens.session: a refresh token dies with its session",
        )?;
        refuse_if(
            self.access_token > self.session,
            "tokens.access_token",
            "must not be longer than tokens.session",
        )?;
        refuse_if(
            self.ceremony > self.approval,
            "tokens.ceremony",
            "must not be longer than tokens.approval: it happens within one",
        )?;
        refuse_if(
            self.approval > self.interaction,
            "tokens.interaction",
            "must be at least tokens.approval: the page must outlive what it waits for",
        )?;
        refuse_if(self.session > self.device, "tokens.device", "must be at least tokens.session")
    }
}
