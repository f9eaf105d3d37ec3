//! Enrolled phones.

use async_trait::async_trait;

use super::{Fence, PortResult};
use crate::audit::AuditEvent;
use crate::base::{DeviceId, PersonId};
use crate::device::Device;
use crate::jose::Thumbprint;

/// A phone to bind.
pub struct BindPlan {
    /// The phone with both its keys.
    pub device: Device,
    /// What the enrolment uses up: challenge, activation codes.
    pub fences: Vec<Fence>,
    /// Active phones a person may have.
    pub cap: u32,
}

/// What became of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindOutcome {
    /// The phone is enrolled.
    Bound,
    /// A fence was used before.
    Replayed,
    /// The credential id or request key is known already, for any person (WebAuthn 7.1).
    Duplicate,
    /// The person has as many phones as allowed.
    Full,
    /// The person is not active.
    PersonInactive,
}

/// Store of devices, durable.
#[async_trait]
pub trait Devices: Send + Sync {
    /// Binds a phone with `granted`; on any other outcome nothing changes but that `refused` is recorded.
    async fn bind(
        &self,
        plan: &BindPlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<BindOutcome>;
    /// A phone, active or not.
    async fn find(&self, id: DeviceId) -> PortResult<Option<Device>>;
    /// The phone whose request key has this thumbprint.
    async fn find_by_key(&self, jkt: &Thumbprint) -> PortResult<Option<Device>>;
    /// Phones of a person, oldest first.
    async fn list(&self, person: PersonId) -> PortResult<Vec<Device>>;
}
