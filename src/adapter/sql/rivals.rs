//! Once more, when a rival was in the way.

use crate::ports::{PortError, PortResult};

/// Makes `attempt` again, once, when it met a deadlock or waited for a lock in vain: nothing was written. For what ends
/// something, which must not be given up because somebody is busy.
pub(super) async fn insisting<T, F>(attempt: impl Fn() -> F) -> PortResult<T>
where
    F: Future<Output = PortResult<T>>,
{
    match attempt().await {
        Err(PortError::Conflict) => attempt().await,
        outcome => outcome,
    }
}
