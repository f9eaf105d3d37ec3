//! What anybody can make us write down without being known: refusals, so many for each source. Beyond that they are
//! counted and nothing more, so that a stranger cannot fill the audit log. The answers are the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::audit::AuditEvent;
use crate::base::InteractionId;
use crate::ports::{PortResult, ThrottleRule};

use super::{Origin, Provider};

/// Refusals of one source, which may be a hospital behind one address.
const OF_SOURCE: ThrottleRule =
    ThrottleRule { name: "audit_source", limit: 120, window: Duration::from_mins(10) };
/// Refusals of one interaction, whose life is no longer.
const OF_INTERACTION: ThrottleRule =
    ThrottleRule { name: "audit_interaction", limit: 5, window: Duration::from_mins(15) };

/// Refusals that were not written down.
#[derive(Debug, Default)]
pub struct DroppedRows(AtomicU64);

impl DroppedRows {
    /// How many since this process began.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Provider {
    /// Writes down a refusal of nobody in particular.
    pub(super) async fn append_anonymous(&self, event: &AuditEvent, origin: &Origin) -> PortResult<()> {
        self.append_within(event, OF_SOURCE, &origin.source()).await
    }

    /// Writes down that a browser without its cookie asked for an interaction.
    pub(super) async fn append_stray(&self, event: &AuditEvent, id: InteractionId) -> PortResult<()> {
        self.append_within(event, OF_INTERACTION, id.uuid().as_bytes()).await
    }

    async fn append_within(&self, event: &AuditEvent, rule: ThrottleRule, subject: &[u8]) -> PortResult<()> {
        if self.ports.throttle.hit(rule, subject, event.at).await? {
            return self.ports.audit.append(event).await;
        }
        self.dropped.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
