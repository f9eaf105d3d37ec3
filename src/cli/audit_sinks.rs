//! What the settings ask `serve` to do for the audit log.

use std::sync::Arc;

use anyhow::Context as _;

use crate::adapter::checkpoint_sinks::{CheckpointFile, CheckpointFolder, Syslog, SyslogTo};
use crate::app::AuditDuties;
use crate::audit::SyslogSender;
use crate::config::{Config, Documents, SyslogAddress};
use crate::ports::CheckpointSink;

/// The duties of `config`; says so when nothing leaves the database.
pub(super) fn duties(config: &Config, documents: &Documents) -> anyhow::Result<AuditDuties> {
    let audit = &config.audit;
    if !audit.remembers_outside() {
        tracing::warn!(
            "checkpoints of the audit log stay in the database: nobody could tell that it was cut or put back; set audit.checkpoint_files"
        );
    }
    let mut sinks: Vec<Arc<dyn CheckpointSink>> = Vec::new();
    for path in &audit.checkpoint_files {
        sinks.push(Arc::new(CheckpointFile::new(path.clone())));
    }
    for path in &audit.checkpoint_folders {
        sinks.push(Arc::new(CheckpointFolder::new(path.clone())));
    }
    if let Some(address) = &audit.syslog {
        let to = match address {
            SyslogAddress::Unix(path) => SyslogTo::Unix(path.clone()),
            SyslogAddress::Tls { host, port } => SyslogTo::Tls {
                host: host.clone(),
                port: *port,
                authorities: documents.syslog_authorities.clone().unwrap_or_default(),
            },
        };
        sinks.push(Arc::new(Syslog::new(to, speaker()).context("audit.syslog")?));
    }
    Ok(AuditDuties { sinks, retention: audit.retention })
}

/// This process, as collectors hear of it.
pub(super) fn speaker() -> SyslogSender {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    SyslogSender { host: host.trim().to_owned(), process: std::process::id() }
}
