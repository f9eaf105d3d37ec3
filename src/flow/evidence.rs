//! Export of what a phone signed (design decision 8). Each export is itself audited.

use crate::audit::EventKind;
use crate::base::ApprovalId;
use crate::ports::{Evidence, PortResult};

use super::Provider;

impl Provider {
    /// The evidence of a committed approval.
    pub async fn export_evidence(&self, approval: ApprovalId) -> PortResult<Option<Evidence>> {
        let evidence = self.ports.decisions.evidence(approval).await?;
        if evidence.is_some() {
            let event = self.succeeded(EventKind::EvidenceExported, "by_operator", self.now());
            self.ports.audit.append(&event.with_transaction(approval.to_string())).await?;
        }
        Ok(evidence)
    }
}
