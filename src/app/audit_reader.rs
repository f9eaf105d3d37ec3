//! The audit log opened to be read, with no key of this provider and no right to write.

use std::sync::Arc;

use crate::adapter::sql::{Db, SqlAuditLog};
use crate::ports::AuditLog;

use super::Durable;

/// The log of a database, for verifiers and collectors.
pub struct AuditReader {
    /// The log.
    pub log: Arc<dyn AuditLog>,
    db: Db,
}

impl Durable {
    /// Opens the log.
    pub async fn audit_reader(&self) -> anyhow::Result<AuditReader> {
        let db = self.open().await?;
        Ok(AuditReader { log: Arc::new(SqlAuditLog::new(&db)), db })
    }
}

impl AuditReader {
    /// Closes the database.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
