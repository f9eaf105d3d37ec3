//! Single use: a unique insert that gives a row to one caller.

use std::time::Duration;

use uuid::Uuid;

use super::statements::{FENCE_FIRST_GRANT, FENCE_INSERT};
use super::write::Write;
use crate::base::{ClientId, GrantId, TokenHash, sha256};
use crate::ports::{Fence, FenceKind, PortResult};

/// Uses `fence` up; false when it was used before.
pub(super) async fn burn(write: &mut Write<'_>, fence: &Fence, grant: Option<GrantId>) -> PortResult<bool> {
    let row: Option<String> = on!(write.connection(), |c| sqlx::query_scalar(FENCE_INSERT)
        .bind(fence.kind.as_str())
        .bind(fence.hash.as_bytes().as_slice())
        .bind(fence.life.until.millis())
        .bind(grant.map(GrantId::uuid))
        .bind(fence.life.expires.millis())
        .fetch_optional(c))?;
    Ok(row.is_some())
}

/// Notes that `client` presented an artefact that was not there, for a first use that has not committed yet.
pub(super) async fn note_presented(
    write: &mut Write<'_>,
    kind: FenceKind,
    hash: &TokenHash,
    client: &ClientId,
) -> PortResult<()> {
    let until = write.now().plus(IN_FLIGHT).millis();
    on!(write.connection(), |c| sqlx::query_as::<_, ()>(FENCE_INSERT)
        .bind(PRESENTED)
        .bind(presented_name(kind, hash, client).as_slice())
        .bind(until)
        .bind(None::<Uuid>)
        .bind(until)
        .fetch_optional(c))?;
    Ok(())
}

/// Whether `client` presented this artefact a second time before its first use came here.
pub(super) async fn presented_before(
    write: &mut Write<'_>,
    fence: &Fence,
    client: &ClientId,
) -> PortResult<bool> {
    let row: Option<Option<Uuid>> = on!(write.connection(), |c| sqlx::query_scalar(FENCE_FIRST_GRANT)
        .bind(PRESENTED)
        .bind(presented_name(fence.kind, &fence.hash, client).as_slice())
        .fetch_optional(c))?;
    Ok(row.is_some())
}

/// By client: another one that presents the artefact ends nothing.
pub(super) fn presented_name(kind: FenceKind, hash: &TokenHash, client: &ClientId) -> [u8; 32] {
    sha256(&[kind.as_str().as_bytes(), &[0], hash.as_bytes(), client.as_str().as_bytes()])
}

/// Kind of the rows of [`note_presented`].
const PRESENTED: &str = "presented";
/// Longer than any request takes from taking its code to its transaction.
const IN_FLIGHT: Duration = Duration::from_mins(10);

/// Machine reason of a second use.
pub(super) const fn replayed_reason(kind: FenceKind) -> &'static str {
    match kind {
        FenceKind::Code => "code_replayed",
        FenceKind::Challenge => "challenge_replayed",
        FenceKind::Approval => "approval_replayed",
        FenceKind::Activation => "activation_replayed",
    }
}

/// Machine reason of a thing that was never used, or whose fence is past its time.
pub(super) const fn unknown_reason(kind: FenceKind) -> &'static str {
    match kind {
        FenceKind::Code => "code_unknown",
        FenceKind::Challenge => "challenge_unknown",
        FenceKind::Approval => "approval_unknown",
        FenceKind::Activation => "activation_unknown",
    }
}
