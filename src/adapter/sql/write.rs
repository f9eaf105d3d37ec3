//! The one way to write: a transaction that ends with the audit row of what it did.
//!
//! The lane's head moves only after COMMIT. From the moment COMMIT is sent until it answers the lane is out of its
//! place: a caller that gives up, or an error, leaves the outcome unknown and the next writer opens another lane.

use super::audit_insert::{AuditInsert, insert_rows};
use super::db::{Connection, Engine, Tx};
use super::kept_connection::Kept;
use super::lanes::Turn;
use super::store::Store;
use crate::audit::AuditEvent;
use crate::base::UnixTime;
use crate::ports::PortResult;

/// A transaction in a writer's place. Dropped without a commit, it changed nothing.
pub(super) struct Write<'a> {
    store: &'a Store,
    tx: Tx<'a>,
    // After the transaction: its connection is free before its place.
    turn: Turn,
}

impl Store {
    /// Begins a transaction: on SQLite once every earlier one has ended, on PostgreSQL beside a few others.
    pub(super) async fn write(&self) -> PortResult<Write<'_>> {
        self.write_on(None).await
    }

    /// The same on a connection that the caller keeps, where there is one.
    pub(super) async fn write_on<'a>(&'a self, kept: Option<&'a mut Kept>) -> PortResult<Write<'a>> {
        let (turn, tx) = self.db.turn_on(kept).await?;
        Ok(Write { store: self, tx, turn })
    }
}

impl Write<'_> {
    pub(super) fn connection(&mut self) -> Connection<'_> {
        self.tx.connection()
    }

    /// `alone` where no other transaction runs, `locking` where others run beside this one.
    pub(super) const fn text(&self, alone: &'static str, locking: &'static str) -> &'static str {
        match self.tx {
            Engine::Sqlite(_) => alone,
            Engine::Postgres(_) => locking,
        }
    }

    /// The store's time.
    pub(super) fn now(&self) -> UnixTime {
        self.store.clock.now()
    }

    /// Commits with `event`.
    pub(super) async fn commit(self, event: &AuditEvent) -> PortResult<()> {
        self.commit_all(std::iter::once(event)).await
    }

    /// Commits with `events`, one after the other in the lane.
    pub(super) async fn commit_all(self, events: impl Iterator<Item = &AuditEvent>) -> PortResult<()> {
        let Self { store, mut turn, mut tx } = self;
        let mut lane = turn.lane.take().unwrap_or_else(|| store.open_lane());
        let mut rows = Vec::new();
        for event in events {
            let row = AuditInsert::new(store, event, lane.place())?;
            lane.advance(&row.leaf);
            rows.push(row);
        }
        insert_rows(&mut tx, &rows).await?;
        tx.commit().await?;
        turn.lane = Some(lane);
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
        let Self { store, turn, tx } = self;
        tx.rollback().await?;
        let tx = store.db.begin().await?;
        Write { store, tx, turn }.commit_saying(event, reason).await
    }
}
