//! A person's own phones.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::MobileError;
use super::error::Refusal;
use crate::base::DeviceId;
use crate::device::{ActivationMode, Device, DeviceStatus};
use crate::flow::Provider;
use crate::http::AppState;
use crate::http::extract::{Identifier, PhoneRequest};

pub(super) fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_devices)).routes(routes!(revoke_device))
}

/// The person's phones.
#[derive(Serialize, ToSchema)]
struct DeviceList {
    /// Oldest first.
    devices: Vec<EnrolledDevice>,
}

/// An enrolled phone.
#[derive(Serialize, ToSchema)]
pub(super) struct EnrolledDevice {
    /// Identifier.
    id: String,
    /// Name given by its holder.
    name: String,
    /// Maker's model.
    model: String,
    /// Operating system and version.
    operating_system: String,
    /// Version of the application.
    app_version: String,
    /// Serial number, for support.
    serial: String,
    /// Enrolment, Unix seconds.
    created_at: i64,
    /// Unix seconds from which on it proves nothing.
    valid_until: i64,
    /// How it was activated.
    #[schema(value_type = String, example = "contact_codes")]
    activation_mode: ActivationMode,
    /// Level an approval on it reaches.
    #[schema(example = "eidas2")]
    acr: &'static str,
    /// `active` or `revoked`.
    #[schema(value_type = String, example = "active")]
    status: DeviceStatus,
    /// It is the phone that asks.
    current: bool,
}

impl EnrolledDevice {
    pub(super) fn of(provider: &Provider, device: &Device, asking: DeviceId) -> Self {
        Self {
            id: device.id.to_string(),
            name: device.facts.name.clone(),
            model: device.facts.model.clone(),
            operating_system: device.facts.operating_system.clone(),
            app_version: device.facts.app_version.clone(),
            serial: device.serial.clone(),
            created_at: device.created.secs(),
            valid_until: device.valid_until.secs(),
            activation_mode: device.activation_mode,
            acr: provider.reach(device).as_str(),
            status: device.status,
            current: device.id == asking,
        }
    }
}

/// Lists the active phones of the person.
#[utoipa::path(get, path = "/mobile/v1/devices", tag = "devices", security(("dpop" = [])),
    responses(
        (status = 200, description = "Their phones", body = DeviceList),
        (status = 401, description = "`use_dpop_nonce`, `invalid_dpop_proof`, `invalid_device`", body = Refusal),
        (status = 503, description = "`temporarily_unavailable`", body = Refusal),
    ))]
async fn list_devices(
    State(provider): State<Arc<Provider>>,
    PhoneRequest(asking): PhoneRequest,
) -> Result<Json<DeviceList>, MobileError> {
    let devices = provider.own_devices(&asking).await?;
    let view = |device: &Device| EnrolledDevice::of(&provider, device, asking.device().id);
    Ok(Json(DeviceList { devices: devices.iter().map(view).collect() }))
}

/// Revokes a phone of the person, this one included; its sessions and tokens end.
#[utoipa::path(delete, path = "/mobile/v1/devices/{id}", tag = "devices",
    params(("id" = String, Path, description = "Identifier of the phone")), security(("dpop" = [])),
    responses(
        (status = 204, description = "It is revoked"),
        (status = 401, description = "`use_dpop_nonce`, `invalid_dpop_proof`, `invalid_device`", body = Refusal),
        (status = 404, description = "`device_not_found`", body = Refusal),
        (status = 503, description = "`temporarily_unavailable`", body = Refusal),
    ))]
async fn revoke_device(
    State(provider): State<Arc<Provider>>,
    PhoneRequest(asking): PhoneRequest,
    Identifier(id): Identifier<DeviceId>,
) -> Result<StatusCode, MobileError> {
    let id = id.ok_or(MobileError::DeviceNotFound)?;
    let revoked = provider.revoke_own_device(&asking, id).await?;
    revoked.then_some(StatusCode::NO_CONTENT).ok_or(MobileError::DeviceNotFound)
}
