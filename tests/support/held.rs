//! The gate of issue, held open by hand: what happens between a code that is taken and the grant that is written.

use std::sync::Arc;

use async_trait::async_trait;
use sceau::audit::AuditEvent;
use sceau::base::{ClientId, DeviceId, FamilyId, GrantId, TokenHash};
use sceau::ports::{
    FenceKind, Grant, Issuance, IssuanceRecord, IssueOutcome, IssuePlan, KeepPlan, PortResult, Ports,
    RotateOutcome, RotatePlan,
};
use tokio::sync::Semaphore;

/// Stops each issue before it is written.
#[derive(Clone)]
pub(crate) struct Gate {
    arrived: Arc<Semaphore>,
    allowed: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), allowed: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until somebody stands before it.
    pub(crate) async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets one pass.
    pub(crate) fn open_once(&self) {
        self.allowed.add_permits(1);
    }

    /// `ports` with this gate before the commit.
    pub(crate) fn before(&self, ports: Ports) -> Ports {
        Ports { issuance: Arc::new(Held { inner: ports.issuance, gate: self.clone() }), ..ports }
    }
}

struct Held {
    inner: Arc<dyn Issuance>,
    gate: Gate,
}

#[async_trait]
impl Issuance for Held {
    async fn issue(
        &self,
        plan: &IssuePlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<IssueOutcome> {
        self.gate.arrived.add_permits(1);
        self.gate.allowed.acquire().await.unwrap().forget();
        self.inner.issue(plan, granted, refused).await
    }

    async fn replayed(
        &self,
        kind: FenceKind,
        hash: &TokenHash,
        client: &ClientId,
        event: &AuditEvent,
    ) -> PortResult<Option<GrantId>> {
        self.inner.replayed(kind, hash, client, event).await
    }

    async fn rotate(
        &self,
        plan: &RotatePlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<RotateOutcome> {
        self.inner.rotate(plan, granted, refused).await
    }

    async fn keep(&self, plan: KeepPlan, granted: &AuditEvent, refused: AuditEvent) -> PortResult<bool> {
        self.inner.keep(plan, granted, refused).await
    }

    async fn repeat(
        &self,
        grant: &Grant,
        family: Option<FamilyId>,
        record: &IssuanceRecord,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<RotateOutcome> {
        self.inner.repeat(grant, family, record, granted, refused).await
    }

    async fn end_family(&self, family: FamilyId, event: &AuditEvent) -> PortResult<()> {
        self.inner.end_family(family, event).await
    }

    async fn device_of(&self, grant: GrantId) -> PortResult<Option<DeviceId>> {
        self.inner.device_of(grant).await
    }
}
