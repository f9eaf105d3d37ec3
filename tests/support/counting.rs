//! Stores that write down which of their operations are called: what an attacker could measure.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sceau::approval::{Claimant, Recipient, StoredApproval};
use sceau::audit::AuditEvent;
use sceau::base::{ApprovalId, ClientId, DeviceId, InteractionId, PersonId, UnixTime};
use sceau::device::Device;
use sceau::identity::{NationalId, Person};
use sceau::interaction::Interaction;
use sceau::jose::Thumbprint;
use sceau::oauth::Client;
use sceau::ports::{
    ApprovalDecision, Approvals, Audit, AuditRow, BindOutcome, BindPlan, ClaimOutcome, Clients,
    CommitOutcome, CommittedDecision, Decision, Devices, Evidence, FenceLife, Interactions, OpenLimits,
    OpenOutcome, Persons, PortResult, Ports, Throttle, ThrottleRule, Versioned,
};
use uuid::Uuid;

/// Names of the operations called, in order.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<&'static str>>>);

impl Calls {
    fn note(&self, name: &'static str) {
        self.0.lock().unwrap().push(name);
    }

    /// The calls since the last time.
    pub(crate) fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// `ports` with every store that the login page touches wrapped.
pub(crate) fn counted(ports: Ports, calls: &Calls) -> Ports {
    let calls = || calls.clone();
    Ports {
        interactions: Arc::new(Counted { inner: ports.interactions, calls: calls() }),
        approvals: Arc::new(Counted { inner: ports.approvals, calls: calls() }),
        decisions: Arc::new(Counted { inner: ports.decisions, calls: calls() }),
        persons: Arc::new(Counted { inner: ports.persons, calls: calls() }),
        devices: Arc::new(Counted { inner: ports.devices, calls: calls() }),
        clients: Arc::new(Counted { inner: ports.clients, calls: calls() }),
        throttle: Arc::new(Counted { inner: ports.throttle, calls: calls() }),
        audit: Arc::new(Counted { inner: ports.audit, calls: calls() }),
        ..ports
    }
}

struct Counted<T: ?Sized> {
    inner: Arc<T>,
    calls: Calls,
}

#[async_trait]
impl Interactions for Counted<dyn Interactions> {
    async fn insert(&self, interaction: &Interaction) -> PortResult<()> {
        self.calls.note("interactions.insert");
        self.inner.insert(interaction).await
    }
    async fn load(&self, id: InteractionId, now: UnixTime) -> PortResult<Option<Versioned<Interaction>>> {
        self.calls.note("interactions.load");
        self.inner.load(id, now).await
    }
    async fn advance(&self, expected: u64, next: &Interaction) -> PortResult<bool> {
        self.calls.note("interactions.advance");
        self.inner.advance(expected, next).await
    }
}

#[async_trait]
impl Approvals for Counted<dyn Approvals> {
    async fn open(
        &self,
        approval: &StoredApproval,
        limits: OpenLimits,
        now: UnixTime,
    ) -> PortResult<OpenOutcome> {
        let outcome = self.inner.open(approval, limits, now).await?;
        // A number already taken is drawn again: that is chance, not the person.
        if outcome != OpenOutcome::NumberTaken {
            self.calls.note("approvals.open");
        }
        Ok(outcome)
    }
    async fn list(&self, recipient: &Recipient, now: UnixTime) -> PortResult<Vec<Versioned<StoredApproval>>> {
        self.calls.note("approvals.list");
        self.inner.list(recipient, now).await
    }
    async fn load(&self, id: ApprovalId, now: UnixTime) -> PortResult<Option<Versioned<StoredApproval>>> {
        self.calls.note("approvals.load");
        self.inner.load(id, now).await
    }
    async fn advance(&self, expected: u64, next: &StoredApproval) -> PortResult<bool> {
        self.calls.note("approvals.advance");
        self.inner.advance(expected, next).await
    }
    async fn claim(&self, id: ApprovalId, claimant: &Claimant, now: UnixTime) -> PortResult<ClaimOutcome> {
        self.calls.note("approvals.claim");
        self.inner.claim(id, claimant, now).await
    }
    async fn changed(&self, id: ApprovalId, patience: Duration) {
        self.inner.changed(id, patience).await;
    }
}

#[async_trait]
impl ApprovalDecision for Counted<dyn ApprovalDecision> {
    async fn commit(
        &self,
        decision: &Decision,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<CommitOutcome> {
        self.calls.note("decisions.commit");
        self.inner.commit(decision, granted, refused).await
    }
    async fn deny(
        &self,
        approval: ApprovalId,
        life: FenceLife,
        denied: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<bool> {
        self.calls.note("decisions.deny");
        self.inner.deny(approval, life, denied, refused).await
    }
    async fn find(&self, approval: ApprovalId) -> PortResult<Option<CommittedDecision>> {
        self.calls.note("decisions.find");
        self.inner.find(approval).await
    }
    async fn evidence(&self, approval: ApprovalId) -> PortResult<Option<Evidence>> {
        self.calls.note("decisions.evidence");
        self.inner.evidence(approval).await
    }
}

#[async_trait]
impl Persons for Counted<dyn Persons> {
    async fn find(&self, id: PersonId) -> PortResult<Option<Person>> {
        self.calls.note("persons.find");
        self.inner.find(id).await
    }
    async fn find_by_national_id(&self, national_id: &NationalId) -> PortResult<Option<Person>> {
        self.calls.note("persons.find_by_national_id");
        self.inner.find_by_national_id(national_id).await
    }
}

#[async_trait]
impl Devices for Counted<dyn Devices> {
    async fn bind(
        &self,
        plan: &BindPlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<BindOutcome> {
        self.calls.note("devices.bind");
        self.inner.bind(plan, granted, refused).await
    }
    async fn find(&self, id: DeviceId) -> PortResult<Option<Device>> {
        self.calls.note("devices.find");
        self.inner.find(id).await
    }
    async fn find_by_key(&self, jkt: &Thumbprint) -> PortResult<Option<Device>> {
        self.calls.note("devices.find_by_key");
        self.inner.find_by_key(jkt).await
    }
    async fn list(&self, person: PersonId) -> PortResult<Vec<Device>> {
        self.calls.note("devices.list");
        self.inner.list(person).await
    }
}

#[async_trait]
impl Clients for Counted<dyn Clients> {
    async fn find(&self, id: &ClientId) -> PortResult<Option<Client>> {
        self.calls.note("clients.find");
        self.inner.find(id).await
    }
    async fn upsert(&self, client: &Client, event: &AuditEvent) -> PortResult<()> {
        self.calls.note("clients.upsert");
        self.inner.upsert(client, event).await
    }
    async fn list(&self) -> PortResult<Vec<Client>> {
        self.calls.note("clients.list");
        self.inner.list().await
    }
}

#[async_trait]
impl Throttle for Counted<dyn Throttle> {
    async fn hit(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool> {
        self.calls.note(rule.name);
        self.inner.hit(rule, subject, now).await
    }
    async fn allows(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool> {
        self.calls.note(rule.name);
        self.inner.allows(rule, subject, now).await
    }
}

#[async_trait]
impl Audit for Counted<dyn Audit> {
    async fn append(&self, event: &AuditEvent) -> PortResult<()> {
        self.calls.note("audit.append");
        self.inner.append(event).await
    }
    async fn rows(&self, after: Option<(Uuid, u64)>, limit: u32) -> PortResult<Vec<AuditRow>> {
        self.inner.rows(after, limit).await
    }
}
