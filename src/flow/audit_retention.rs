//! Personal values of the audit log at the end of their retention: erased, and the erasure recorded.
//!
//! A batch is one transaction: killed between two, the next run goes on. Records, lanes, order and tree stay as they
//! are: they hold salted hashes alone. An operator who reads personal values is recorded before they are shown.

use crate::audit::{EventKind, Retention, SaltedField};
use crate::base::AuditId;
use crate::ports::PortResult;

use super::Provider;

/// Values looked at at a time.
const PAGE: u32 = 500;

impl Provider {
    /// Erases what is past `retention`. Gives the number of events.
    pub async fn erase_expired(&self, retention: &Retention) -> PortResult<u64> {
        let payloads = &*self.ports.audit_payloads;
        let now = self.now();
        let before = now.minus(retention.usual);
        let (mut after, mut erased) = (None, 0_u64);
        loop {
            let page = payloads.aged(before, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(erased) };
            after = Some((last.at, last.event));
            let over = page.iter().filter(|one| retention.is_over(&one.kind, one.at, now));
            let over: Vec<AuditId> = over.map(|one| one.event).collect();
            if !over.is_empty() {
                let event = self.succeeded(EventKind::RecordsErased, "retention", self.now());
                erased = erased.saturating_add(payloads.erase(&over, &event).await?);
            }
        }
    }

    /// The personal values of an event, for an operator. The reading is recorded, whatever is found.
    pub async fn reveal_personal(&self, event: AuditId) -> PortResult<Option<Vec<SaltedField>>> {
        let reading = self.succeeded(EventKind::AdministratorAction, "records_revealed", self.now());
        let reading = reading.with_actor("operator").with_transaction(event.to_string());
        self.ports.audit.append(&reading).await?;
        self.ports.audit_payloads.personal(event).await
    }
}
