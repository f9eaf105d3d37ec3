//! The audit log: events that stand alone, committed in groups, and reading the chain back.

use async_trait::async_trait;
use uuid::Uuid;

use super::group_commit::GroupCommit;
use super::row::{array, counter, stored};
use super::statements::AUDIT_ROWS;
use super::store::Store;
use crate::audit::AuditEvent;
use crate::base::AuditId;
use crate::ports::{Audit, AuditRow, PortResult};

pub(super) struct SqlAudit {
    store: Store,
    groups: GroupCommit,
}

impl SqlAudit {
    pub(super) const fn new(store: Store, groups: GroupCommit) -> Self {
        Self { store, groups }
    }
}

#[async_trait]
impl Audit for SqlAudit {
    async fn append(&self, event: &AuditEvent) -> PortResult<()> {
        self.groups.append(event).await
    }

    async fn rows(&self, after: Option<(Uuid, u64)>, limit: u32) -> PortResult<Vec<AuditRow>> {
        let (writer, sequence) = match after {
            Some((writer, sequence)) => (writer, stored(sequence)?),
            None => (Uuid::nil(), -1),
        };
        let rows: Vec<Stored> = on!(self.store.db.reader(), |c| sqlx::query_as(AUDIT_ROWS)
            .bind(writer)
            .bind(sequence)
            .bind(i64::from(limit))
            .fetch_all(c))?;
        rows.into_iter().map(read).collect()
    }
}

type Stored = (Uuid, i64, Uuid, Vec<u8>, Vec<u8>, Vec<u8>);

fn read((writer, sequence, id, previous, record, leaf_hash): Stored) -> PortResult<AuditRow> {
    Ok(AuditRow {
        id: AuditId::from_uuid(id),
        writer,
        sequence: counter(sequence)?,
        previous: array(&previous)?,
        record,
        leaf_hash: array(&leaf_hash)?,
    })
}
