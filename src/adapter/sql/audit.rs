//! The audit log: events that stand alone, committed in groups, and reading the chain back.
//!
//! An event waits in a bounded queue for the writer's turn; whoever gets it commits all that wait in one transaction.
//! Alone, an event waits for nobody. When the queue is full the event is refused and counted (security 4.4): its
//! caller fails rather than go on without a record.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::row::{array, counter, stored};
use super::statements::AUDIT_ROWS;
use super::store::Store;
use crate::audit::AuditEvent;
use crate::base::AuditId;
use crate::ports::{Audit, AuditRow, PortError, PortResult};

/// Events that may wait; some seconds of a flood.
pub(super) const QUEUE: usize = 1024;

pub(super) struct SqlAudit {
    store: Store,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

struct Waiting {
    event: AuditEvent,
    done: oneshot::Sender<PortResult<()>>,
}

impl SqlAudit {
    pub(super) fn new(store: Store) -> Self {
        Self { store, waiting: Arc::default() }
    }

    /// Takes a place in the queue; the first one in it has the group committed.
    fn enqueue(&self, event: &AuditEvent) -> PortResult<oneshot::Receiver<PortResult<()>>> {
        let (done, outcome) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= QUEUE {
            metrics::counter!("sceau_audit_dropped_total", "decision" => event.decision.as_str())
                .increment(1);
            return Err(PortError::Unavailable(String::from("the audit queue is full")));
        }
        waiting.push(Waiting { event: event.clone(), done });
        if waiting.len() == 1 {
            self.start_group();
        }
        Ok(outcome)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a group outlives the request that began it, and ends by itself within the writer's patience"
    )]
    fn start_group(&self) {
        tokio::spawn(commit_group(self.store.clone(), Arc::clone(&self.waiting)));
    }
}

#[async_trait]
impl Audit for SqlAudit {
    async fn append(&self, event: &AuditEvent) -> PortResult<()> {
        let outcome = self.enqueue(event)?;
        outcome
            .await
            .unwrap_or_else(|_| Err(PortError::Unavailable(String::from("the audit group was lost"))))
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

/// Waits for the writer's turn, then commits all that waits by then. Events that come later begin another group.
async fn commit_group(store: Store, waiting: Arc<Mutex<Vec<Waiting>>>) {
    let write = store.write().await;
    let group = std::mem::take(&mut *lock(&waiting));
    let outcome = match write {
        Ok(write) => write.commit_all(group.iter().map(|one| &one.event)).await,
        Err(error) => Err(error),
    };
    for one in group {
        // A caller that has given up hears nothing; its row stands.
        let _ = one.done.send(outcome.as_ref().copied().map_err(again));
    }
}

/// The same failure for another caller.
fn again(error: &PortError) -> PortError {
    match error {
        PortError::Unavailable(text) => PortError::Unavailable(text.clone()),
        PortError::Conflict => PortError::Conflict,
        PortError::Corrupt(text) => PortError::Corrupt(text.clone()),
    }
}

/// A panic elsewhere leaves the queue whole: every change is one call.
fn lock(waiting: &Mutex<Vec<Waiting>>) -> MutexGuard<'_, Vec<Waiting>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
