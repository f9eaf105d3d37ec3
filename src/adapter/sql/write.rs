//! The one way to write: a transaction that ends with the audit row of what it did.
//!
//! The lane's head moves only after COMMIT. From the moment COMMIT is sent until it answers the lane is out of its
//! place: a caller that gives up, or an error, leaves the outcome unknown and the next writer opens another lane.

use serde_json::json;
use sqlx::{Sqlite, SqliteConnection, Transaction};
use tokio::sync::OwnedMutexGuard;

use super::row::stored;
use super::statements::{AUDIT_INSERT, AUDIT_PAYLOAD_INSERT, BEGIN};
use super::store::Store;
use crate::audit::{AuditEvent, Lane, LanePlace, Leaf, leaf};
use crate::base::{UnixTime, base64url};
use crate::ports::PortResult;

/// A transaction that holds the writer. Dropped without a commit, it changed nothing.
pub(super) struct Write<'a> {
    store: &'a Store,
    lane: OwnedMutexGuard<Option<Lane>>,
    tx: Transaction<'static, Sqlite>,
    now: UnixTime,
}

impl Store {
    /// Begins a transaction once every earlier one has ended.
    pub(super) async fn write(&self) -> PortResult<Write<'_>> {
        let lane = self.db.turn().await?;
        let tx = self.db.writer().begin_with(BEGIN).await?;
        Ok(Write { store: self, lane, tx, now: self.clock.now() })
    }
}

impl Write<'_> {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }

    /// The store's time, taken when the transaction began.
    pub(super) const fn now(&self) -> UnixTime {
        self.now
    }

    /// Commits with `event`.
    pub(super) async fn commit(self, event: &AuditEvent) -> PortResult<()> {
        self.commit_all(std::iter::once(event)).await
    }

    /// Commits with `events`, one after the other in the lane.
    pub(super) async fn commit_all(self, events: impl Iterator<Item = &AuditEvent>) -> PortResult<()> {
        let Self { store, lane: mut place, mut tx, .. } = self;
        let mut lane = place.take().unwrap_or_else(|| store.open_lane());
        for event in events {
            let leaf = leaf(event, &lane.place(), store.entropy.as_ref());
            append(store, &mut tx, event, (&lane.place(), &leaf)).await?;
            lane.advance(&leaf);
        }
        tx.commit().await?;
        *place = Some(lane);
        Ok(())
    }

    /// Commits what was done so far with `event` saying `reason`.
    pub(super) async fn commit_saying(self, event: &AuditEvent, reason: &'static str) -> PortResult<()> {
        let mut event = event.clone();
        event.reason = reason;
        self.commit(&event).await
    }

    /// Undoes everything and commits `event` alone, saying `reason`.
    pub(super) async fn refuse(self, event: &AuditEvent, reason: &'static str) -> PortResult<()> {
        let Self { store, lane, tx, now } = self;
        tx.rollback().await?;
        let tx = store.db.writer().begin_with(BEGIN).await?;
        Write { store, lane, tx, now }.commit_saying(event, reason).await
    }
}

async fn append(
    store: &Store,
    tx: &mut SqliteConnection,
    event: &AuditEvent,
    (place, leaf): (&LanePlace, &Leaf),
) -> PortResult<()> {
    sqlx::query(AUDIT_INSERT)
        .bind(place.writer)
        .bind(stored(place.sequence)?)
        .bind(event.id.uuid())
        .bind(place.previous.as_slice())
        .bind(event.at.millis())
        .bind(event.kind.as_str())
        .bind(leaf.record.as_slice())
        .bind(leaf.hash.as_slice())
        .execute(&mut *tx)
        .await?;
    if leaf.salts.is_empty() {
        return Ok(());
    }
    let fields: Vec<_> = leaf
        .salts
        .iter()
        .map(|field| json!({ "name": field.name, "salt": base64url(field.salt), "value": field.value.expose() }))
        .collect();
    let sealed = store.seal("audit_payloads/sealed", event.id.uuid().as_bytes(), &fields)?;
    sqlx::query(AUDIT_PAYLOAD_INSERT)
        .bind(event.id.uuid())
        .bind(event.at.millis())
        .bind(sealed)
        .execute(tx)
        .await?;
    Ok(())
}
