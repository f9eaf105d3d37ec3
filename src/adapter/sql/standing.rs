//! Who may still be given tokens: what the issuing transaction reads again.

use super::row::corrupt;
use super::statements::{CLIENT_ENABLED, CUTOFF_COVERING, DEVICE_STATUS, PERSON_STATUS};
use super::write::Write;
use crate::identity::PersonStatus;
use crate::ports::{Grant, PortResult, RefusedBy};

/// The first reason for which nothing may be issued under `grant`, read inside `write`.
pub(super) async fn refusal(write: &mut Write<'_>, grant: &Grant) -> PortResult<Option<RefusedBy>> {
    if !client_enabled(write, grant).await? {
        return Ok(Some(RefusedBy::Client));
    }
    if !person_active(write, grant).await? {
        return Ok(Some(RefusedBy::Person));
    }
    if !device_active(write, grant).await? {
        return Ok(Some(RefusedBy::Device));
    }
    cut_off(write, grant).await
}

async fn client_enabled(write: &mut Write<'_>, grant: &Grant) -> PortResult<bool> {
    let enabled: Option<bool> = sqlx::query_scalar(CLIENT_ENABLED)
        .bind(grant.client.as_str())
        .fetch_optional(write.connection())
        .await?;
    Ok(enabled == Some(true))
}

async fn person_active(write: &mut Write<'_>, grant: &Grant) -> PortResult<bool> {
    let status: Option<String> = sqlx::query_scalar(PERSON_STATUS)
        .bind(grant.person.uuid())
        .fetch_optional(write.connection())
        .await?;
    Ok(status.as_deref().and_then(PersonStatus::from_stored) == Some(PersonStatus::Active))
}

/// An authentication by another provider has no phone.
async fn device_active(write: &mut Write<'_>, grant: &Grant) -> PortResult<bool> {
    let Some(device) = grant.proof.device else { return Ok(true) };
    let status: Option<String> =
        sqlx::query_scalar(DEVICE_STATUS).bind(device.uuid()).fetch_optional(write.connection()).await?;
    Ok(status.as_deref() == Some("active"))
}

async fn cut_off(write: &mut Write<'_>, grant: &Grant) -> PortResult<Option<RefusedBy>> {
    let device = grant.proof.device.map(|device| device.to_string()).unwrap_or_default();
    let scope: Option<String> = sqlx::query_scalar(CUTOFF_COVERING)
        .bind(grant.id.to_string())
        .bind(grant.sid.to_string())
        .bind(grant.person.to_string())
        .bind(grant.client.as_str())
        .bind(device)
        .bind(grant.proof.auth_time.millis())
        .fetch_optional(write.connection())
        .await?;
    scope
        .map(|scope| match scope.as_str() {
            "grant" => Ok(RefusedBy::Grant),
            "client" | "device" | "global" | "person" | "session" => Ok(RefusedBy::Session),
            _ => Err(corrupt("a cut-off's scope is unknown")),
        })
        .transpose()
}
