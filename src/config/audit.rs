//! Where checkpoints of the audit log go, and how long personal values in it are kept.

use std::path::{Path, PathBuf};

use url::Url;

use super::documents::{certificates, read};
use super::error::refuse_if;
use super::raw::RawAudit;
use super::{ConfigError, Strings, duration};
use crate::audit::Retention;

/// Checked settings of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Files that checkpoints are appended to.
    pub checkpoint_files: Vec<PathBuf>,
    /// Folders that get a file for each checkpoint.
    pub checkpoint_folders: Vec<PathBuf>,
    /// A collector that gets checkpoints.
    pub syslog: Option<SyslogAddress>,
    /// PEM of the authorities of a collector over TLS.
    pub syslog_ca_file: Option<PathBuf>,
    /// How long personal values are kept.
    pub retention: Retention,
}

/// The address of a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyslogAddress {
    /// Over TLS (RFC 5425).
    Tls {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A socket of this machine.
    Unix(PathBuf),
}

impl SyslogAddress {
    /// Reads `tls://host:port` (6514 when there is no port) or `unix:///path`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix://") {
            return path.starts_with('/').then(|| Self::Unix(PathBuf::from(path)));
        }
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "tls")?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        let host = url.host_str().filter(|_| bare && matches!(url.path(), "" | "/"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self::Tls { host, port: url.port().unwrap_or(USUAL_PORT) })
    }

    /// As written in settings.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Tls { host, port } if host.contains(':') => format!("tls://[{host}]:{port}"),
            Self::Tls { host, port } => format!("tls://{host}:{port}"),
            Self::Unix(path) => format!("unix://{}", path.display()),
        }
    }
}

impl Audit {
    pub(super) fn check(raw: &RawAudit) -> Result<Self, ConfigError> {
        let usual = Retention::default();
        let syslog = raw.syslog.as_deref().map(|text| {
            let what = "must be tls://host:port or unix:///path";
            SyslogAddress::parse(text).ok_or_else(|| ConfigError::refused("audit.syslog", what))
        });
        let syslog = syslog.transpose()?;
        let over_tls = matches!(syslog, Some(SyslogAddress::Tls { .. }));
        let ca_file = raw.syslog_ca_file.clone();
        refuse_if(
            over_tls && ca_file.is_none(),
            CA_FILE,
            "is needed for tls://: the authorities of the collector",
        )?;
        refuse_if(!over_tls && ca_file.is_some(), CA_FILE, "is for audit.syslog over tls:// only")?;
        let retention = Retention {
            usual: duration::read(RETENTION, raw.retention.as_deref(), usual.usual)?,
            long: duration::read("audit.retention_long", raw.retention_long.as_deref(), usual.long)?,
        };
        refuse_if(retention.usual.is_zero(), RETENTION, "must be longer than nothing")?;
        refuse_if(
            retention.long < retention.usual,
            "audit.retention_long",
            "must not be shorter than audit.retention",
        )?;
        let empty = |path: &PathBuf| path.as_os_str().is_empty();
        refuse_if(raw.checkpoint_files.iter().any(empty), "audit.checkpoint_files", "holds an empty name")?;
        refuse_if(
            raw.checkpoint_folders.iter().any(empty),
            "audit.checkpoint_folders",
            "holds an empty name",
        )?;
        Ok(Self {
            checkpoint_files: raw.checkpoint_files.clone(),
            checkpoint_folders: raw.checkpoint_folders.clone(),
            syslog,
            syslog_ca_file: ca_file,
            retention,
        })
    }

    /// Whether checkpoints leave the database.
    #[must_use]
    pub const fn remembers_outside(&self) -> bool {
        !self.checkpoint_files.is_empty() || !self.checkpoint_folders.is_empty() || self.syslog.is_some()
    }

    /// The authorities of the collector, PEM.
    pub(super) fn authorities(&self, strings: &dyn Strings) -> Result<Option<String>, ConfigError> {
        let read_one = |path: &Path| {
            let pem = read(CA_FILE, path, strings)?;
            refuse_if(certificates(&pem).is_none(), CA_FILE, "holds no certificate in PEM")?;
            Ok(pem)
        };
        self.syslog_ca_file.as_deref().map(read_one).transpose()
    }
}

const CA_FILE: &str = "audit.syslog_ca_file";
const RETENTION: &str = "audit.retention";
/// RFC 5425 4.1
const USUAL_PORT: u16 = 6514;
