//! Who may still be given tokens: what the issuing transaction reads again.
//!
//! On PostgreSQL each row is locked as it is read: a revocation under way is waited for, and one that comes later waits
//! for the grant, which it then ends.

use super::db::Engine;
use super::postgres::stated;
use super::row::corrupt;
use super::statements::{
    ARTEFACT_HOLD, CLIENT_ENABLED, CLIENT_ENABLED_LOCKED, CUTOFF_COVERING, DEVICE_STATUS,
    DEVICE_STATUS_LOCKED, PERSON_STATUS, PERSON_STATUS_LOCKED,
};
use super::statements_people::CONSENT_WITHDRAWN;
use super::write::Write;
use crate::base::{PersonId, Sid, TokenHash};
use crate::identity::PersonStatus;
use crate::ports::{Grant, IssuePlan, PortResult, RefusedBy};

/// Orders grants in a session and its end, which have no row in common. SQLite has one writer.
///
/// `lock` is shared by grants, and exclusive for the end. Held until the transaction ends.
pub(super) async fn hold_session(write: &mut Write<'_>, sid: Sid, lock: &'static str) -> PortResult<()> {
    let Engine::Postgres(server) = write.connection() else { return Ok(()) };
    let held = sqlx::query_as::<_, ()>(lock).bind(session_lock(sid)).fetch_optional(server.executor);
    stated(server.patience, held).await?;
    Ok(())
}

/// Lets a first use and another presentation of one artefact pass one after the other. SQLite has one writer.
pub(super) async fn hold_artefact(write: &mut Write<'_>, hash: &TokenHash) -> PortResult<()> {
    let Engine::Postgres(server) = write.connection() else { return Ok(()) };
    let (first, second) = artefact_lock(hash);
    let held =
        sqlx::query_as::<_, ()>(ARTEFACT_HOLD).bind(first).bind(second).fetch_optional(server.executor);
    stated(server.patience, held).await?;
    Ok(())
}

/// What is locked for a session.
pub(super) const fn session_lock(sid: Sid) -> i64 {
    sid.uuid().as_u64_pair().0.cast_signed()
}

/// What is locked for an artefact.
pub(super) fn artefact_lock(hash: &TokenHash) -> (i32, i32) {
    let bytes = hash.as_bytes();
    let number = |at: usize| {
        bytes.iter().skip(at).take(4).fold(0_i32, |number, byte| (number << 8) | i32::from(*byte))
    };
    (number(0), number(4))
}

/// The first reason for which nothing may be issued under `grant`, read inside `write`.
pub(super) async fn refusal(write: &mut Write<'_>, grant: &Grant) -> PortResult<Option<RefusedBy>> {
    if !client_enabled(write, grant).await? {
        return Ok(Some(RefusedBy::Client));
    }
    if !person_active(write, grant.person).await? {
        return Ok(Some(RefusedBy::Person));
    }
    if let Some(behalf) = &grant.on_behalf_of
        && !person_active(write, behalf.person).await?
    {
        return Ok(Some(RefusedBy::Represented));
    }
    if !device_active(write, grant).await? {
        return Ok(Some(RefusedBy::Device));
    }
    cut_off(write, grant).await
}

/// Whether what `plan` relies on was taken back since. Asked after [`refusal`], which holds the person's row: a withdrawal
/// under way has been waited for, and one that comes later ends the grant.
pub(super) async fn consent_withdrawn(write: &mut Write<'_>, plan: &IssuePlan) -> PortResult<bool> {
    let grant = &plan.grant;
    let represented = grant.on_behalf_of.map_or(grant.person, |behalf| behalf.person);
    let row: Option<String> = on!(write.connection(), |c| sqlx::query_scalar(CONSENT_WITHDRAWN)
        .bind(grant.person.uuid())
        .bind(represented.uuid())
        .bind(grant.client.as_str())
        .bind(plan.agreed.millis())
        .fetch_optional(c))?;
    Ok(row.is_some())
}

async fn client_enabled(write: &mut Write<'_>, grant: &Grant) -> PortResult<bool> {
    let text = write.text(CLIENT_ENABLED, CLIENT_ENABLED_LOCKED);
    let enabled: Option<bool> =
        on!(write.connection(), |c| sqlx::query_scalar(text).bind(grant.client.as_str()).fetch_optional(c))?;
    Ok(enabled == Some(true))
}

async fn person_active(write: &mut Write<'_>, person: PersonId) -> PortResult<bool> {
    let text = write.text(PERSON_STATUS, PERSON_STATUS_LOCKED);
    let status: Option<String> =
        on!(write.connection(), |c| sqlx::query_scalar(text).bind(person.uuid()).fetch_optional(c))?;
    Ok(status.as_deref().and_then(PersonStatus::from_stored) == Some(PersonStatus::Active))
}

/// An authentication by another provider has no phone.
async fn device_active(write: &mut Write<'_>, grant: &Grant) -> PortResult<bool> {
    let Some(device) = grant.proof.device else { return Ok(true) };
    let text = write.text(DEVICE_STATUS, DEVICE_STATUS_LOCKED);
    let status: Option<String> =
        on!(write.connection(), |c| sqlx::query_scalar(text).bind(device.uuid()).fetch_optional(c))?;
    Ok(status.as_deref() == Some("active"))
}

async fn cut_off(write: &mut Write<'_>, grant: &Grant) -> PortResult<Option<RefusedBy>> {
    let device = grant.proof.device.map(|device| device.to_string()).unwrap_or_default();
    // Who is acted for is ended from the choice on, whenever the actor authenticated.
    let represented = grant.on_behalf_of.map(|behalf| (behalf.person.to_string(), behalf.since.millis()));
    let (represented, since) = represented.unwrap_or_default();
    let scope: Option<String> = on!(write.connection(), |c| sqlx::query_scalar(CUTOFF_COVERING)
        .bind(grant.id.to_string())
        .bind(grant.sid.to_string())
        .bind(grant.person.to_string())
        .bind(grant.client.as_str())
        .bind(device)
        .bind(grant.proof.auth_time.millis())
        .bind(represented.as_str())
        .bind(since)
        .fetch_optional(c))?;
    scope
        .map(|scope| match scope.as_str() {
            "grant" => Ok(RefusedBy::Grant),
            "client" | "device" | "global" | "person" | "session" => Ok(RefusedBy::Session),
            _ => Err(corrupt("a cut-off's scope is unknown")),
        })
        .transpose()
}
