//! Layer 8: settings of `sceau serve`, from a TOML file and the environment to one checked [`Config`].
//!
//! Secrets are files, never settings. Says which setting is wrong and why; reads no setting twice.

mod audit;
mod directory;
mod documents;
mod duration;
mod error;
mod http;
mod issuer;
mod keys;
mod limits;
mod mobile;
mod patients;
mod pkcs11;
mod postgres;
mod raw;
mod redis;
mod redis_servers;
mod sender_documents;
mod senders;
mod source;
mod storage;
mod summary;
mod telemetry;
mod tokens;
mod upstreams;

use std::path::Path;

pub use audit::{Audit, SyslogAddress};
pub use directory::Directory;
pub use documents::{Documents, TestRootMark, TlsDocuments};
pub use error::ConfigError;
pub use http::{Http, TlsFiles};
pub use issuer::Issuer;
pub use keys::{Kek, Keys};
pub use limits::Limits;
pub use mobile::Mobile;
pub use patients::Patients;
pub use pkcs11::Pkcs11;
pub use postgres::Postgres;
pub use raw::RawConfig;
pub use redis::Redis;
pub use redis_servers::RedisServers;
pub use sender_documents::SenderDocuments;
pub use senders::{Senders, Sms, Smtp, SmtpTls};
pub use source::{ProcessStrings, Strings};
pub use storage::{Sql, Storage};
pub use telemetry::Telemetry;
pub use tokens::Lifetimes;
pub use upstreams::Upstream;

/// Settings that can be followed.
#[derive(Clone, Debug)]
pub struct Config {
    /// Issuer identifier.
    pub issuer: Issuer,
    /// Listeners and limits.
    pub http: Http,
    /// Stores.
    pub storage: Storage,
    /// The key-encryption key and the key policy.
    pub keys: Keys,
    /// Lifetimes.
    pub tokens: Lifetimes,
    /// The phones.
    pub mobile: Mobile,
    /// Approvals.
    pub approval: Approvals,
    /// The import of the national directory.
    pub directory: Directory,
    /// The directory of patients.
    pub patients: Patients,
    /// The audit log.
    pub audit: Audit,
    /// Traces.
    pub telemetry: Telemetry,
    /// Identity providers above us.
    pub upstreams: Vec<Upstream>,
}

/// Limits of approvals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// Open ones per person.
    pub live: usize,
}

impl Config {
    /// Reads and checks the settings: `file`, if one is given, and the environment over it.
    ///
    /// # Errors
    /// [`ConfigError`], whose text is the sentence to show the operator.
    pub fn load(file: Option<&Path>, strings: &dyn Strings) -> Result<Self, ConfigError> {
        source::read(file, strings)?.try_into()
    }

    /// A settings file with every setting, its default and what it is for.
    #[must_use]
    pub const fn example() -> &'static str {
        include_str!("example.toml")
    }
}

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(raw: RawConfig) -> Result<Self, ConfigError> {
        let issuer = Issuer::check(raw.issuer.as_deref())?;
        let storage = Storage::check(&raw.storage)?;
        Ok(Self {
            http: Http::check(&raw.http, &issuer)?,
            keys: Keys::check(&raw.keys, &storage)?,
            tokens: Lifetimes::check(&raw.tokens)?,
            mobile: Mobile::check(&raw.mobile, &issuer)?,
            approval: Approvals::check(&raw.approval)?,
            directory: Directory::check(&raw.directory)?,
            patients: Patients::check(&raw.patients, &issuer)?,
            audit: Audit::check(&raw.audit)?,
            telemetry: Telemetry::check(&raw.telemetry, !raw.http.trusted_proxies.is_empty())?,
            upstreams: Upstream::check_all(&raw.upstream)?,
            issuer,
            storage,
        })
    }
}

impl Approvals {
    /// A person finds one request among few; more would only hide it.
    fn check(raw: &raw::RawApproval) -> Result<Self, ConfigError> {
        let live = raw.live.unwrap_or(5);
        let live = usize::try_from(live).ok().filter(|live| (1..=10).contains(live));
        let live = live.ok_or_else(|| ConfigError::refused("approval.live", "must be between 1 and 10"))?;
        Ok(Self { live })
    }
}
