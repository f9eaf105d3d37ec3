//! Revocation: the change itself, and the cut-off that tells the other replicas.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::rivals::insisting;
use super::row::{corrupt, word};
use super::standing::hold_session;
use super::statements::{
    CLIENT_DISABLE, CUTOFF_CHANGES, CUTOFF_ONCE, CUTOFF_RAISE, DEVICE_REVOKE, GRANT_KILL,
    GRANT_KILL_FAMILIES, ISSUANCE_SESSIONS, PERSON_LOCK, PERSON_UNLOCK, SESSION_HOLD, SESSION_KILL_FAMILIES,
    SESSION_KILL_FAMILIES_LOCKED, SESSION_KILL_GRANTS,
};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::base::{GrantId, PersonId, Sid, UnixTime};
use crate::ports::{Cutoff, CutoffScope, PortResult, Revocation, SignedSince};

/// How far behind `since` a change may have been committed late. SQLite: twice the longest wait for the writer.
/// PostgreSQL: from the cut-off on, that statement, two of the audit log and the commit, each with
/// [`PATIENCE`](super::PostgresSettings::PATIENCE), and the longest silence between them.
pub(super) const OVERLAP: Duration = Duration::from_secs(10);

pub(super) struct SqlRevocation(pub(super) Store);

#[async_trait]
impl Revocation for SqlRevocation {
    async fn revoke(&self, cutoff: &Cutoff, event: &AuditEvent) -> PortResult<bool> {
        insisting(|| self.try_revoke(cutoff, event)).await
    }

    async fn unlock(&self, person: PersonId, event: &AuditEvent) -> PortResult<bool> {
        let mut write = self.0.write().await?;
        if !mark(&mut write, &[PERSON_UNLOCK], person.uuid()).await? {
            return Ok(false);
        }
        write.commit(event).await?;
        Ok(true)
    }

    async fn end_signed(
        &self,
        signed: &SignedSince<'_>,
        after: Option<Sid>,
        limit: u32,
        event: &AuditEvent,
    ) -> PortResult<Option<(Sid, u64)>> {
        insisting(|| self.try_end_signed(signed, after, limit, event)).await
    }

    async fn changes_since(&self, since: UnixTime) -> PortResult<(Vec<Cutoff>, UnixTime)> {
        // Before the query: what is written while it runs belongs to the next one.
        let now = self.0.clock.now();
        let rows: Vec<(String, String, i64)> = on!(self.0.db.reader(), |c| sqlx::query_as(CUTOFF_CHANGES)
            .bind(since.minus(OVERLAP).millis())
            .fetch_all(c))?;
        let cutoffs = rows.into_iter().map(|(scope, subject, at)| {
            Ok(Cutoff { scope: read_scope(&scope, &subject)?, at: UnixTime::from_millis(at) })
        });
        Ok((cutoffs.collect::<PortResult<_>>()?, now))
    }
}

impl SqlRevocation {
    async fn try_end_signed(
        &self,
        signed: &SignedSince<'_>,
        after: Option<Sid>,
        limit: u32,
        event: &AuditEvent,
    ) -> PortResult<Option<(Sid, u64)>> {
        let mut write = self.0.write().await?;
        let sessions: Vec<Uuid> = on!(write.connection(), |c| sqlx::query_scalar(ISSUANCE_SESSIONS)
            .bind(signed.kid)
            .bind(signed.since.millis())
            .bind(after.map_or_else(Uuid::nil, Sid::uuid))
            .bind(i64::from(limit))
            .fetch_all(c))?;
        let Some(last) = sessions.last().copied().map(Sid::from_uuid) else { return Ok(None) };
        let mut ended = 0_u64;
        for sid in sessions {
            let scope = CutoffScope::Session(Sid::from_uuid(sid));
            let alive = end_subject(&mut write, &scope).await?;
            let cut = cut(&mut write, &Cutoff { scope, at: signed.at }).await?;
            ended = ended.saturating_add(u64::from(alive || cut));
        }
        if ended > 0 {
            write.commit(&event.clone().with_count("sessions", ended)).await?;
        }
        Ok(Some((last, ended)))
    }

    async fn try_revoke(&self, cutoff: &Cutoff, event: &AuditEvent) -> PortResult<bool> {
        let mut write = self.0.write().await?;
        let ended = end_subject(&mut write, &cutoff.scope).await?;
        let cut = cut(&mut write, cutoff).await?;
        if !ended && !cut {
            return Ok(false);
        }
        write.commit(event).await?;
        Ok(true)
    }
}

/// Ends a grant and its families, and tells the other replicas.
pub(super) async fn end_grant(write: &mut Write<'_>, grant: GrantId, at: UnixTime) -> PortResult<()> {
    end_subject(write, &CutoffScope::Grant(grant)).await?;
    cut(write, &Cutoff { scope: CutoffScope::Grant(grant), at }).await?;
    Ok(())
}

/// Whether a row changed.
async fn end_subject(write: &mut Write<'_>, scope: &CutoffScope) -> PortResult<bool> {
    match scope {
        // The cut-off says it all: nothing is marked one by one.
        CutoffScope::Global | CutoffScope::Key(_) => Ok(false),
        CutoffScope::Client(client) => {
            let row: Option<()> = on!(write.connection(), |c| sqlx::query_as(CLIENT_DISABLE)
                .bind(client.as_str())
                .fetch_optional(c))?;
            Ok(row.is_some())
        }
        CutoffScope::Person(person) => mark(write, &[PERSON_LOCK], person.uuid()).await,
        CutoffScope::Device(device) => mark(write, &[DEVICE_REVOKE], device.uuid()).await,
        CutoffScope::Session(sid) => {
            hold_session(write, *sid, SESSION_HOLD).await?;
            let families = write.text(SESSION_KILL_FAMILIES, SESSION_KILL_FAMILIES_LOCKED);
            mark(write, &[families, SESSION_KILL_GRANTS], sid.uuid()).await
        }
        CutoffScope::Grant(grant) => mark(write, &[GRANT_KILL_FAMILIES, GRANT_KILL], grant.uuid()).await,
    }
}

async fn mark(write: &mut Write<'_>, statements: &[&'static str], id: Uuid) -> PortResult<bool> {
    let mut changed = false;
    for statement in statements {
        changed |= !on!(write.connection(), |c| sqlx::query_as::<_, ()>(*statement).bind(id).fetch_all(c))?
            .is_empty();
    }
    Ok(changed)
}

/// Whether the cut-off says more than the one before it.
pub(super) async fn cut(write: &mut Write<'_>, cutoff: &Cutoff) -> PortResult<bool> {
    let (statement, scope, subject) = match &cutoff.scope {
        CutoffScope::Global => (CUTOFF_RAISE, "global", String::new()),
        CutoffScope::Client(client) => (CUTOFF_RAISE, "client", client.to_string()),
        CutoffScope::Person(person) => (CUTOFF_RAISE, "person", person.to_string()),
        // These never live again: the first cut-off is the last.
        CutoffScope::Device(device) => (CUTOFF_ONCE, "device", device.to_string()),
        CutoffScope::Session(sid) => (CUTOFF_ONCE, "session", sid.to_string()),
        CutoffScope::Grant(grant) => (CUTOFF_ONCE, "grant", grant.to_string()),
        CutoffScope::Key(kid) => (CUTOFF_ONCE, "key", kid.clone()),
    };
    let written_at = write.now().millis();
    let row = on!(write.connection(), |c| sqlx::query_as::<_, ()>(statement)
        .bind(scope)
        .bind(subject)
        .bind(cutoff.at.millis())
        .bind(written_at)
        .fetch_optional(c))?;
    Ok(row.is_some())
}

fn read_scope(scope: &str, subject: &str) -> PortResult<CutoffScope> {
    const SUBJECT: &str = "a cut-off's subject is malformed";
    match scope {
        "global" => Ok(CutoffScope::Global),
        "client" => word(subject, SUBJECT).map(CutoffScope::Client),
        "person" => word(subject, SUBJECT).map(CutoffScope::Person),
        "device" => word(subject, SUBJECT).map(CutoffScope::Device),
        "session" => word(subject, SUBJECT).map(CutoffScope::Session),
        "grant" => word(subject, SUBJECT).map(CutoffScope::Grant),
        "key" => Ok(CutoffScope::Key(subject.to_owned())),
        _ => Err(corrupt("a cut-off's scope is unknown")),
    }
}
