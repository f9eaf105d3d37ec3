//! The durable ports over one database and one storage key.

use std::sync::Arc;

use super::Db;
use super::approval_decision::SqlApprovalDecision;
use super::audit::SqlAudit;
use super::audit_log::SqlAuditLog;
use super::audit_payloads::SqlAuditPayloads;
use super::clients::SqlClients;
use super::db::Engine;
use super::devices::SqlDevices;
use super::directory::SqlDirectory;
use super::grants::SqlGrants;
use super::group_commit::GroupCommit;
use super::health::SqlHealth;
use super::issuance::SqlIssuance;
use super::links::SqlLinks;
use super::patients::SqlPatients;
use super::persons::SqlPersons;
use super::revocation::SqlRevocation;
use super::statements::{FENCE_PURGE, ISSUANCE_PURGE};
use super::store::Store;
use crate::base::{Clock, Entropy, UnixTime};
use crate::ports::{
    ApprovalDecision, Audit, AuditLog, AuditPayloads, Clients, Devices, Directory, DurableHealth, Grants,
    Issuance, Links, Patients, Persons, PortResult, Revocation, Sealing,
};

/// The durable ports but those of keys.
#[derive(Clone)]
pub struct SqlStores {
    /// Registered clients.
    pub clients: Arc<dyn Clients>,
    /// Persons by id and identity number.
    pub persons: Arc<dyn Persons>,
    /// The national directory's changes.
    pub directory: Arc<dyn Directory>,
    /// The directory of patients.
    pub patients: Arc<dyn Patients>,
    /// Links to accounts at other providers.
    pub links: Arc<dyn Links>,
    /// Enrolled phones.
    pub devices: Arc<dyn Devices>,
    /// Grants, families and consents.
    pub grants: Arc<dyn Grants>,
    /// The durable gate of token issue.
    pub issuance: Arc<dyn Issuance>,
    /// Decisions made on phones.
    pub decisions: Arc<dyn ApprovalDecision>,
    /// Revocation.
    pub revocation: Arc<dyn Revocation>,
    /// The audit log.
    pub audit: Arc<dyn Audit>,
    /// The audit log as one order.
    pub audit_log: Arc<dyn AuditLog>,
    /// The personal values of the audit log.
    pub audit_payloads: Arc<dyn AuditPayloads>,
    /// How the database is.
    pub health: Arc<dyn DurableHealth>,
    pub(super) store: Store,
}

impl SqlStores {
    /// The ports over `db`, whose sealed fields are under `storage`. The blind index of identity numbers depends on
    /// its first master: see [`crate::jose::Sealer::mac`].
    #[must_use]
    pub fn new(
        db: &Db,
        storage: impl Into<Sealing>,
        entropy: &Arc<dyn Entropy>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let store = Store {
            db: db.clone(),
            sealer: storage.into(),
            entropy: Arc::clone(entropy),
            clock: Arc::clone(clock),
        };
        let groups = GroupCommit::new(store.clone());
        Self {
            clients: Arc::new(SqlClients(store.clone())),
            persons: Arc::new(SqlPersons::new(store.clone())),
            directory: Arc::new(SqlDirectory(store.clone())),
            patients: Arc::new(SqlPatients(store.clone())),
            links: Arc::new(SqlLinks(store.clone())),
            devices: Arc::new(SqlDevices::new(store.clone())),
            grants: Arc::new(SqlGrants::new(store.clone())),
            issuance: Arc::new(SqlIssuance { store: store.clone(), groups: groups.clone() }),
            decisions: Arc::new(SqlApprovalDecision::new(store.clone(), groups.clone())),
            revocation: Arc::new(SqlRevocation(store.clone())),
            audit_log: Arc::new(SqlAuditLog::new(db)),
            audit_payloads: Arc::new(SqlAuditPayloads(store.clone())),
            audit: Arc::new(SqlAudit::new(store.clone(), groups)),
            health: Arc::new(SqlHealth::new(db)),
            store,
        }
    }

    /// Closes the database: [`Db::close`].
    pub async fn close(&self) {
        self.store.db.close().await;
    }

    /// Forgets what was used up and cannot be presented any more at `now`, and what was issued and has ended: rows of a
    /// file. Gives their number. PostgreSQL forgets by the partition: [`SqlStores::keep_partitions`].
    ///
    /// # Errors
    /// [`crate::ports::PortError::Unavailable`].
    pub async fn purge(&self, now: UnixTime) -> PortResult<u64> {
        let mut purged: u64 = 0;
        let Engine::Sqlite(file) = self.store.db.engine() else { return Ok(purged) };
        for statement in [FENCE_PURGE, ISSUANCE_PURGE] {
            loop {
                let rows: Vec<(String,)> = sqlx::query_as(statement)
                    .bind(now.millis())
                    .bind(i64::from(PURGED_AT_ONCE))
                    .fetch_all(&file.writer)
                    .await?;
                let rows = u64::try_from(rows.len()).unwrap_or(u64::MAX);
                purged = purged.saturating_add(rows);
                if rows < u64::from(PURGED_AT_ONCE) {
                    break;
                }
            }
        }
        Ok(purged)
    }
}

/// Few enough that one statement stays within its time.
const PURGED_AT_ONCE: u32 = 2000;
