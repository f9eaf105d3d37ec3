//! Enrolment of a phone: codes, start, credential.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::MobileError;
use super::devices::EnrolledDevice;
use super::error::Refusal;
use crate::base::{EnrolmentId, Secret, base64url};
use crate::device::{DeviceFacts, EnrolmentProof};
use crate::flow::{EnrolmentOptions, EnrolmentStart, Provider};
use crate::http::AppState;
use crate::http::extract::{BodyError, DeviceProof, Identifier, PeerOrigin, StrictJson};

pub(super) fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(send_codes))
        .routes(routes!(start_enrolment))
        .routes(routes!(finish_enrolment))
}

/// Whose codes to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodesRequest {
    /// National identifier of the professional, with its type digit.
    #[schema(example = "899700000013")]
    national_id: String,
}

/// Nothing.
#[derive(Serialize, ToSchema)]
struct Accepted {}

/// The start of an enrolment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EnrolmentRequest {
    /// National identifier of the professional, with its type digit; left out with a ticket.
    #[serde(default)]
    national_id: Option<String>,
    /// What proves who enrols.
    proof: IdentityProof,
}

/// A proof of identity.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum IdentityProof {
    /// The two codes sent to the contacts of the national directory.
    ContactCodes {
        /// The code of the e-mail.
        email: String,
        /// The code of the telephone.
        phone: String,
    },
    /// The ticket that a page of the account shows: 256 bits, good once, for 90 seconds.
    Ticket {
        /// The ticket, base64url: what follows `#` in the address of its QR code.
        ticket: String,
    },
}

/// What the phone needs to make its credential.
#[derive(Serialize, ToSchema)]
struct EnrolmentAnswer {
    /// Identifier of the enrolment.
    enrolment_id: String,
    /// 32 bytes, base64url. The challenge of `options` is the SHA-256 of these bytes and of the RFC 7638 thumbprint
    /// of the request key; a phone refuses any other.
    server_challenge: String,
    /// `PublicKeyCredentialCreationOptionsJSON` (WebAuthn Level 3, 5.4).
    #[schema(value_type = Object)]
    options: Value,
}

/// The credential made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CredentialRequest {
    /// `RegistrationResponseJSON` (WebAuthn Level 3, 5.1).
    #[schema(value_type = Object)]
    credential: Value,
    /// The phone in words.
    device: DeviceDescription,
}

/// What a phone says of itself; one line each.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeviceDescription {
    /// Name for its holder.
    #[schema(max_length = 100)]
    name: String,
    /// Maker's model.
    #[schema(max_length = 100)]
    model: String,
    /// Operating system and version.
    #[schema(max_length = 100)]
    operating_system: String,
    /// Version of the application.
    #[schema(max_length = 100)]
    app_version: String,
}

/// The phone as enrolled.
#[derive(Serialize, ToSchema)]
struct CredentialAnswer {
    /// The phone.
    device: EnrolledDevice,
}

/// Sends activation codes to the contacts of the national directory. Answers alike for everybody.
#[utoipa::path(post, path = "/mobile/v1/enrolments/codes", tag = "enrolment", request_body = CodesRequest,
    responses(
        (status = 202, description = "Codes were sent if the person exists", body = Accepted),
        (status = 400, description = "`invalid_request`", body = Refusal),
        (status = 429, description = "`too_many_requests`", body = Refusal),
        (status = 503, description = "`temporarily_unavailable`", body = Refusal),
    ))]
async fn send_codes(
    State(provider): State<Arc<Provider>>,
    PeerOrigin(origin): PeerOrigin,
    StrictJson(request): StrictJson<CodesRequest>,
) -> Result<(StatusCode, Json<Accepted>), MobileError> {
    provider.send_activation_codes(&request.national_id, &origin).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted {})))
}

/// Begins an enrolment for the phone that holds the request key.
#[utoipa::path(post, path = "/mobile/v1/enrolments", tag = "enrolment", request_body = EnrolmentRequest,
    security(("dpop" = [])),
    responses(
        (status = 201, description = "A ceremony of one minute", body = EnrolmentAnswer),
        (status = 400, description = "`invalid_activation_codes`, `invalid_ticket`, `invalid_request`", body = Refusal),
        (status = 401, description = "`use_dpop_nonce`, `invalid_dpop_proof`", body = Refusal),
        (status = 429, description = "`too_many_requests`", body = Refusal),
        (status = 503, description = "`temporarily_unavailable`", body = Refusal),
    ))]
async fn start_enrolment(
    State(provider): State<Arc<Provider>>,
    DeviceProof(proof): DeviceProof,
    PeerOrigin(origin): PeerOrigin,
    StrictJson(request): StrictJson<EnrolmentRequest>,
) -> Result<(StatusCode, Json<EnrolmentAnswer>), MobileError> {
    let begun = provider.start_enrolment(request.try_into()?, &proof, &origin).await?;
    Ok((StatusCode::CREATED, Json(begun.into())))
}

/// Ends an enrolment with the credential made for it.
#[utoipa::path(post, path = "/mobile/v1/enrolments/{id}/credential", tag = "enrolment",
    params(("id" = String, Path, description = "Identifier of the enrolment")),
    request_body = CredentialRequest, security(("dpop" = [])),
    responses(
        (status = 201, description = "The phone is enrolled", body = CredentialAnswer),
        (status = 400, description = "`invalid_attestation`, `invalid_request`", body = Refusal),
        (status = 401, description = "`use_dpop_nonce`, `invalid_dpop_proof`", body = Refusal),
        (status = 409, description = "`too_many_devices`", body = Refusal),
        (status = 503, description = "`temporarily_unavailable`", body = Refusal),
    ))]
async fn finish_enrolment(
    State(provider): State<Arc<Provider>>,
    DeviceProof(proof): DeviceProof,
    Identifier(id): Identifier<EnrolmentId>,
    StrictJson(request): StrictJson<CredentialRequest>,
) -> Result<(StatusCode, Json<CredentialAnswer>), MobileError> {
    let id = id.ok_or(MobileError::InvalidAttestation)?;
    let facts = DeviceFacts::try_from(request.device)?;
    let device = provider.finish_enrolment(id, (&request.credential, facts), &proof).await?;
    let device = EnrolledDevice::of(&provider, &device, device.id);
    Ok((StatusCode::CREATED, Json(CredentialAnswer { device })))
}

impl TryFrom<EnrolmentRequest> for EnrolmentStart {
    type Error = BodyError;

    /// Codes are somebody's; a ticket says itself whose it is.
    fn try_from(request: EnrolmentRequest) -> Result<Self, BodyError> {
        match (request.proof, request.national_id) {
            (IdentityProof::ContactCodes { email, phone }, Some(national_id)) => {
                let (email, phone) = (Secret::new(email), Secret::new(phone));
                Ok(Self { national_id, proof: EnrolmentProof::ContactCodes { email, phone } })
            }
            (IdentityProof::Ticket { ticket }, None) => {
                let proof = EnrolmentProof::Ticket { ticket: Secret::new(ticket) };
                Ok(Self { national_id: String::new(), proof })
            }
            _ => Err(BodyError::Malformed),
        }
    }
}

impl From<EnrolmentOptions> for EnrolmentAnswer {
    fn from(begun: EnrolmentOptions) -> Self {
        Self {
            enrolment_id: begun.id.to_string(),
            server_challenge: base64url(begun.server_challenge),
            options: begun.options,
        }
    }
}

impl TryFrom<DeviceDescription> for DeviceFacts {
    type Error = BodyError;

    fn try_from(described: DeviceDescription) -> Result<Self, BodyError> {
        Ok(Self {
            name: one_line(described.name)?,
            model: one_line(described.model)?,
            operating_system: one_line(described.operating_system)?,
            app_version: one_line(described.app_version)?,
        })
    }
}

/// At most 100 characters, none of them a control character.
fn one_line(text: String) -> Result<String, BodyError> {
    let legal = text.chars().count() <= 100 && !text.chars().any(char::is_control);
    legal.then_some(text).ok_or(BodyError::Malformed)
}
