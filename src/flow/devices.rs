//! A person's own phones: list and revoke, from a phone. Revoking only reduces trust, so the request key suffices.

use crate::audit::EventKind;
use crate::base::DeviceId;
use crate::device::{Device, DeviceStatus};
use crate::identity::Acr;
use crate::ports::{Cutoff, CutoffScope};

use super::{AuthenticatedDevice, FlowError, Provider};

impl Provider {
    /// The level that an approval on this phone reaches today.
    #[must_use]
    pub fn reach(&self, device: &Device) -> Acr {
        device.enrolment.min(device.evidence).min(self.policy.assurance.ceiling)
    }

    /// Every active phone of the person, oldest first.
    pub async fn own_devices(&self, device: &AuthenticatedDevice) -> Result<Vec<Device>, FlowError> {
        let mut devices = self.ports.devices.list(device.device().person).await?;
        devices.retain(|device| device.status == DeviceStatus::Active);
        Ok(devices)
    }

    /// Revokes one of the person's phones, this one included: its sessions and refresh tokens end with it. False when
    /// the person has no such phone.
    pub async fn revoke_own_device(
        &self,
        device: &AuthenticatedDevice,
        id: DeviceId,
    ) -> Result<bool, FlowError> {
        let now = self.now();
        let person = device.device().person;
        let own = self.ports.devices.find(id).await?;
        let own = own.filter(|found| found.person == person && found.status == DeviceStatus::Active);
        if own.is_none() {
            let event = self.refused(EventKind::DeviceRevoked, "not_found", now).with_person(person);
            self.ports.audit.append(&event.with_device(device.device().id)).await?;
            return Ok(false);
        }
        let cutoff = Cutoff { scope: CutoffScope::Device(id), at: now };
        let event =
            self.succeeded(EventKind::DeviceRevoked, "by_person", now).with_person(person).with_device(id);
        self.ports.revocation.revoke(&cutoff, &event).await?;
        self.cutoffs.note(&cutoff);
        Ok(true)
    }
}
