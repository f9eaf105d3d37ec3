//! Single use: a unique insert that gives a row to one caller.

use super::statements::FENCE_INSERT;
use super::write::Write;
use crate::base::GrantId;
use crate::ports::{Fence, FenceKind, PortResult};

/// Uses `fence` up; false when it was used before.
pub(super) async fn burn(write: &mut Write<'_>, fence: &Fence, grant: Option<GrantId>) -> PortResult<bool> {
    let row: Option<String> = on!(write.connection(), |c| sqlx::query_scalar(FENCE_INSERT)
        .bind(fence.kind.as_str())
        .bind(fence.hash.as_bytes().as_slice())
        .bind(fence.until.millis())
        .bind(grant.map(GrantId::uuid))
        .fetch_optional(c))?;
    Ok(row.is_some())
}

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
