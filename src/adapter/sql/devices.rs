//! Enrolled phones: sealed as a whole, found by id, holder or request key.

use async_trait::async_trait;
use uuid::Uuid;

use super::fence;
use super::group_read::GroupRead;
use super::row::corrupt;
use super::statements::{DEVICE_COUNT, DEVICE_INSERT, PERSON_BIND};
use super::statements_groups::{DEVICE, DEVICE_BY_JKT, DEVICES_OF_PERSON};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::base::{DeviceId, PersonId, sha256};
use crate::device::{Device, DeviceStatus};
use crate::jose::Thumbprint;
use crate::ports::{BindOutcome, BindPlan, Devices, PortResult};

pub(super) struct SqlDevices {
    store: Store,
    by_id: GroupRead<Uuid, Stored>,
    by_key: GroupRead<Vec<u8>, Stored>,
    of_person: GroupRead<Uuid, Stored>,
}

#[async_trait]
impl Devices for SqlDevices {
    async fn bind(
        &self,
        plan: &BindPlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<BindOutcome> {
        let mut write = self.store.write().await?;
        match self.try_bind(&mut write, plan).await? {
            None => {
                write.commit(granted).await?;
                Ok(BindOutcome::Bound)
            }
            Some((outcome, reason)) => {
                write.refuse(refused, reason).await?;
                Ok(outcome)
            }
        }
    }

    async fn find(&self, id: DeviceId) -> PortResult<Option<Device>> {
        self.read(self.by_id.row(id.uuid()).await?).await
    }

    async fn find_by_key(&self, jkt: &Thumbprint) -> PortResult<Option<Device>> {
        self.read(self.by_key.row(jkt.as_bytes().to_vec()).await?).await
    }

    async fn list(&self, person: PersonId) -> PortResult<Vec<Device>> {
        self.store.devices(&self.of_person.rows(person.uuid()).await?).await
    }
}

type Refusal = (BindOutcome, &'static str);
pub(super) type Stored = (Uuid, String, i64, Vec<u8>);

impl SqlDevices {
    pub(super) fn new(store: Store) -> Self {
        let by_id = GroupRead::new(&store.db, DEVICE);
        let by_key = GroupRead::new(&store.db, DEVICE_BY_JKT);
        let of_person = GroupRead::new(&store.db, DEVICES_OF_PERSON);
        Self { store, by_id, by_key, of_person }
    }

    async fn read(&self, row: Option<Stored>) -> PortResult<Option<Device>> {
        match row {
            Some(row) => self.store.device(&row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn try_bind(&self, write: &mut Write<'_>, plan: &BindPlan) -> PortResult<Option<Refusal>> {
        for used_up in &plan.fences {
            if !fence::burn(write, used_up, None).await? {
                return Ok(Some((BindOutcome::Replayed, fence::replayed_reason(used_up.kind))));
            }
        }
        let person = plan.device.person.uuid();
        let active: Option<Uuid> =
            on!(write.connection(), |c| sqlx::query_scalar(PERSON_BIND).bind(person).fetch_optional(c))?;
        if active.is_none() {
            return Ok(Some((BindOutcome::PersonInactive, "person_inactive")));
        }
        let phones: i64 =
            on!(write.connection(), |c| sqlx::query_scalar(DEVICE_COUNT).bind(person).fetch_one(c))?;
        if phones >= i64::from(plan.cap) {
            return Ok(Some((BindOutcome::Full, "too_many_devices")));
        }
        let inserted = self.insert(write, &plan.device).await?;
        Ok(if inserted { None } else { Some((BindOutcome::Duplicate, "device_known")) })
    }

    /// False when the identifier, the credential or the request key is known.
    async fn insert(&self, write: &mut Write<'_>, device: &Device) -> PortResult<bool> {
        let row: Option<Uuid> = on!(write.connection(), |c| sqlx::query_scalar(DEVICE_INSERT)
            .bind(device.id.uuid())
            .bind(device.person.uuid())
            .bind(sha256(&[&device.credential_id]).as_slice())
            .bind(device.jkt.as_bytes().as_slice())
            .bind(status_word(device.status))
            .bind(i64::from(device.sign_count))
            .bind(device.created.millis())
            .bind(self.store.seal(SEALED, device.id.uuid().as_bytes(), device)?)
            .fetch_optional(c))?;
        Ok(row.is_some())
    }
}

impl Store {
    pub(super) async fn devices(&self, rows: &[Stored]) -> PortResult<Vec<Device>> {
        let mut devices = Vec::with_capacity(rows.len());
        for row in rows {
            devices.push(self.device(row).await?);
        }
        Ok(devices)
    }

    /// The columns say status and counter: they change without the rest.
    pub(super) async fn device(&self, (id, status, sign_count, sealed): &Stored) -> PortResult<Device> {
        let device: Device = self.open(SEALED, id.as_bytes(), sealed).await?;
        let status = read_status(status)?;
        let sign_count =
            u32::try_from(*sign_count).map_err(|_| corrupt("a signature counter is out of range"))?;
        Ok(Device { sign_count, status, ..device })
    }
}

const fn status_word(status: DeviceStatus) -> &'static str {
    match status {
        DeviceStatus::Active => "active",
        DeviceStatus::Revoked => "revoked",
    }
}

fn read_status(word: &str) -> PortResult<DeviceStatus> {
    [DeviceStatus::Active, DeviceStatus::Revoked]
        .into_iter()
        .find(|status| status_word(*status) == word)
        .ok_or_else(|| corrupt("a device's status is unknown"))
}

pub(super) const SEALED: &str = "devices/sealed";
