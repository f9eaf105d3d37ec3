//! A person's own phones: list and revoke, from a phone. Revoking only reduces trust, so the request key suffices.

use crate::base::DeviceId;
use crate::device::Device;
use crate::identity::Acr;

use super::{AuthenticatedDevice, FlowError, Provider};

impl Provider {
    /// The level that an approval on this phone reaches today.
    #[must_use]
    pub fn reach(&self, device: &Device) -> Acr {
        device.enrolment.min(device.evidence).min(self.policy.assurance.ceiling)
    }

    /// Every active phone of the person, oldest first.
    pub async fn own_devices(&self, device: &AuthenticatedDevice) -> Result<Vec<Device>, FlowError> {
        self.phones_of(device.device().person).await
    }

    /// Revokes one of the person's phones, this one included: its sessions and refresh tokens end with it. False when
    /// the person has no such phone.
    pub async fn revoke_own_device(
        &self,
        device: &AuthenticatedDevice,
        id: DeviceId,
    ) -> Result<bool, FlowError> {
        self.revoke_phone(device.device().person, id, "by_person").await
    }
}
