//! Audit rows on their way in. PostgreSQL takes all rows of a transaction by one statement: of a group that was
//! committed together, each one costs a fraction of a statement of its own.

use serde_json::json;

use super::db::{Engine, Tx};
use super::postgres::stated;
use super::row::stored;
use super::statements::{AUDIT_INSERT, AUDIT_PAYLOAD_INSERT};
use super::statements_audit::{AUDIT_INSERT_ALL, AUDIT_PAYLOAD_INSERT_ALL};
use super::store::Store;
use crate::audit::{AuditEvent, LanePlace, Leaf, leaf};
use crate::base::base64url;
use crate::ports::PortResult;

/// The row of an event at its place in a lane, with its personal values sealed.
pub(super) struct AuditInsert<'a> {
    event: &'a AuditEvent,
    place: LanePlace,
    sequence: i64,
    pub(super) leaf: Leaf,
    payload: Option<Vec<u8>>,
}

impl<'a> AuditInsert<'a> {
    pub(super) fn new(store: &Store, event: &'a AuditEvent, place: LanePlace) -> PortResult<Self> {
        let leaf = leaf(event, &place, store.entropy.as_ref());
        let payload = payload(store, event, &leaf)?;
        Ok(Self { event, sequence: stored(place.sequence)?, place, leaf, payload })
    }
}

fn payload(store: &Store, event: &AuditEvent, leaf: &Leaf) -> PortResult<Option<Vec<u8>>> {
    if leaf.salts.is_empty() {
        return Ok(None);
    }
    let fields: Vec<_> = leaf
        .salts
        .iter()
        .map(|field| json!({ "name": field.name, "salt": base64url(field.salt), "value": field.value.expose() }))
        .collect();
    store.seal(PAYLOAD, event.id.uuid().as_bytes(), &fields).map(Some)
}

/// Writes `rows`, in their order.
pub(super) async fn insert_rows(tx: &mut Tx<'_>, rows: &[AuditInsert<'_>]) -> PortResult<()> {
    match rows {
        [] => Ok(()),
        [alone] => insert(tx, alone).await,
        _ if matches!(tx, Engine::Postgres(_)) => insert_all(tx, rows).await,
        _ => {
            for row in rows {
                insert(tx, row).await?;
            }
            Ok(())
        }
    }
}

async fn insert(tx: &mut Tx<'_>, row: &AuditInsert<'_>) -> PortResult<()> {
    let AuditInsert { event, place, sequence, leaf, payload } = row;
    on!(tx.connection(), |c| sqlx::query_as::<_, ()>(AUDIT_INSERT)
        .bind(place.writer)
        .bind(*sequence)
        .bind(event.id.uuid())
        .bind(place.previous.as_slice())
        .bind(event.at.millis())
        .bind(event.kind.as_str())
        .bind(leaf.record.as_slice())
        .bind(leaf.hash.as_slice())
        .fetch_optional(c))?;
    let Some(payload) = payload else { return Ok(()) };
    on!(tx.connection(), |c| sqlx::query_as::<_, ()>(AUDIT_PAYLOAD_INSERT)
        .bind(event.id.uuid())
        .bind(event.at.millis())
        .bind(payload.as_slice())
        .fetch_optional(c))?;
    Ok(())
}

/// Both tables by one statement each.
async fn insert_all(tx: &mut Tx<'_>, rows: &[AuditInsert<'_>]) -> PortResult<()> {
    let Engine::Postgres(server) = tx.connection() else { return Ok(()) };
    let inserted = sqlx::query_as::<_, ()>(AUDIT_INSERT_ALL)
        .bind(column(rows, |row| row.place.writer))
        .bind(column(rows, |row| row.sequence))
        .bind(column(rows, |row| row.event.id.uuid()))
        .bind(column(rows, |row| row.place.previous.as_slice()))
        .bind(column(rows, |row| row.event.at.millis()))
        .bind(column(rows, |row| row.event.kind.as_str()))
        .bind(column(rows, |row| row.leaf.record.as_slice()))
        .bind(column(rows, |row| row.leaf.hash.as_slice()))
        .fetch_optional(&mut *server.executor);
    stated(server.patience, inserted).await?;
    let sealed: Vec<_> = rows.iter().filter_map(|row| Some((row.event, row.payload.as_deref()?))).collect();
    if sealed.is_empty() {
        return Ok(());
    }
    let inserted = sqlx::query_as::<_, ()>(AUDIT_PAYLOAD_INSERT_ALL)
        .bind(column(&sealed, |(event, _)| event.id.uuid()))
        .bind(column(&sealed, |(event, _)| event.at.millis()))
        .bind(column(&sealed, |(_, payload)| *payload))
        .fetch_optional(&mut *server.executor);
    stated(server.patience, inserted).await?;
    Ok(())
}

fn column<'a, Row, Value>(rows: &'a [Row], value: impl Fn(&'a Row) -> Value) -> Vec<Value> {
    rows.iter().map(value).collect()
}

pub(super) const PAYLOAD: &str = "audit_payloads/sealed";
