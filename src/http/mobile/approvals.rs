//! Requests for approval: list, claim of a QR code, ceremony, decision. The number is never part of an answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::MobileError;
use super::error::Refusal;
use crate::approval::ApprovalText;
use crate::base::{ApprovalId, Secret, base64url};
use crate::flow::{ApprovalView, ChallengeView, PhoneDecision, Provider};
use crate::http::AppState;
use crate::http::extract::{Identifier, PhoneRequest, StrictJson};

pub(super) fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_approvals))
        .routes(routes!(claim_approval))
        .routes(routes!(begin_approval))
        .routes(routes!(decide_approval))
}

/// What waits.
#[derive(Serialize, ToSchema)]
struct ApprovalList {
    /// Oldest first.
    approvals: Vec<PendingApproval>,
}

/// A request that waits for the person.
#[derive(Serialize, ToSchema)]
struct PendingApproval {
    /// Identifier.
    id: String,
    /// What is shown.
    text: ShownText,
    /// Unix seconds from which on it is void.
    expires_at: i64,
    /// A number must be typed.
    number_required: bool,
}

/// Exactly what the phone shows and signs (RFC 8785 form).
#[derive(Serialize, ToSchema)]
struct ShownText {
    /// Name of the service that asks.
    service: String,
    /// What for.
    purpose: String,
    /// Where the request comes from.
    origin: String,
    /// When, RFC 3339.
    at: String,
    /// Further lines.
    details: Vec<String>,
    /// The approval it belongs to.
    approval: String,
}

/// Nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A ceremony of one minute.
#[derive(Serialize, ToSchema)]
struct ChallengeAnswer {
    /// 32 bytes, base64url. The challenge of `options` is SHA-256(`sceau/approval/1`, these bytes, SHA-256 of the
    /// RFC 8785 form of `text`); a phone refuses any other.
    random: String,
    /// What is shown.
    text: ShownText,
    /// `PublicKeyCredentialRequestOptionsJSON` (WebAuthn Level 3, 5.5).
    #[schema(value_type = Object)]
    options: Value,
}

/// What the person decided.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "decision", rename_all = "snake_case", deny_unknown_fields)]
enum DecisionRequest {
    /// Yes.
    Approve {
        /// The number typed, two digits.
        #[serde(default)]
        #[schema(example = "47")]
        number: Option<String>,
        /// `AuthenticationResponseJSON` (WebAuthn Level 3, 5.1).
        #[schema(value_type = Object)]
        assertion: Value,
    },
    /// No.
    Deny {
        /// The person did not ask for it.
        #[serde(default)]
        reported: bool,
    },
}

/// A decision taken in.
#[derive(Serialize, ToSchema)]
struct DecisionAnswer {
    /// `approved` or `denied`.
    status: &'static str,
}

/// Lists what waits for the person of this phone.
#[utoipa::path(get, path = "/mobile/v1/approvals", tag = "approval", security(("dpop" = [])),
    responses(
        (status = 200, description = "What waits, without the numbers", body = ApprovalList),
        (status = 401, description = "`use_dpop_nonce`, `invalid_dpop_proof`, `invalid_device`", body = Refusal),
        (status = 503, description = "`temporarily_unavailable`", body = Refusal),
    ))]
async fn list_approvals(
    State(provider): State<Arc<Provider>>,
    PhoneRequest(device): PhoneRequest,
) -> Result<Json<ApprovalList>, MobileError> {
    let waiting = provider.pending_approvals(&device).await?;
    Ok(Json(ApprovalList { approvals: waiting.into_iter().map(PendingApproval::from).collect() }))
}

/// Claims the approval of a QR code, `<issuer>/q/<id>`, for this phone: the first phone alone may then decide it. The
/// page shows the number after the claim. A phone that asks again is answered the same.
#[utoipa::path(post, path = "/mobile/v1/approvals/{id}/claim", tag = "approval",
    params(("id" = String, Path, description = "Identifier of the approval, the end of the code's address")),
    request_body = Nothing, security(("dpop" = [])),
    responses(
        (status = 200, description = "It is this phone's", body = PendingApproval),
        (status = 400, description = "`invalid_request`", body = Refusal),
        (status = 401, description = "`use_dpop_nonce`, `invalid_dpop_proof`, `invalid_device`", body = Refusal),
        (status = 404, description = "`approval_not_found`", body = Refusal),
        (status = 409, description = "`approval_claimed`", body = Refusal),
        (status = 429, description = "`too_many_requests`", body = Refusal),
        (status = 503, description = "`temporarily_unavailable`", body = Refusal),
    ))]
async fn claim_approval(
    State(provider): State<Arc<Provider>>,
    PhoneRequest(device): PhoneRequest,
    Identifier(id): Identifier<ApprovalId>,
    StrictJson(Nothing {}): StrictJson<Nothing>,
) -> Result<Json<PendingApproval>, MobileError> {
    let id = id.ok_or(MobileError::ApprovalNotFound)?;
    Ok(Json(provider.claim_approval(&device, id).await?.into()))
}

/// Begins the ceremony of an approval; an earlier one of this phone is void.
#[utoipa::path(post, path = "/mobile/v1/approvals/{id}/challenge", tag = "approval",
    params(("id" = String, Path, description = "Identifier of the approval")),
    request_body = Nothing, security(("dpop" = [])),
    responses(
        (status = 200, description = "What to sign", body = ChallengeAnswer),
        (status = 400, description = "`invalid_request`", body = Refusal),
        (status = 401, description = "`use_dpop_nonce`, `invalid_dpop_proof`, `invalid_device`", body = Refusal),
        (status = 404, description = "`approval_not_found`", body = Refusal),
        (status = 409, description = "`approval_ended`", body = Refusal),
        (status = 503, description = "`temporarily_unavailable`", body = Refusal),
    ))]
async fn begin_approval(
    State(provider): State<Arc<Provider>>,
    PhoneRequest(device): PhoneRequest,
    Identifier(id): Identifier<ApprovalId>,
    StrictJson(Nothing {}): StrictJson<Nothing>,
) -> Result<Json<ChallengeAnswer>, MobileError> {
    let id = id.ok_or(MobileError::ApprovalNotFound)?;
    Ok(Json(provider.challenge(&device, id).await?.into()))
}

/// Takes the person's decision.
#[utoipa::path(post, path = "/mobile/v1/approvals/{id}/decision", tag = "approval",
    params(("id" = String, Path, description = "Identifier of the approval")),
    request_body = DecisionRequest, security(("dpop" = [])),
    responses(
        (status = 200, description = "The decision holds", body = DecisionAnswer),
        (status = 400, description = "`wrong_number`, `invalid_assertion`, `invalid_request`", body = Refusal),
        (status = 401, description = "`use_dpop_nonce`, `invalid_dpop_proof`, `invalid_device`", body = Refusal),
        (status = 404, description = "`approval_not_found`", body = Refusal),
        (status = 409, description = "`approval_ended`", body = Refusal),
        (status = 503, description = "`temporarily_unavailable`", body = Refusal),
    ))]
async fn decide_approval(
    State(provider): State<Arc<Provider>>,
    PhoneRequest(device): PhoneRequest,
    Identifier(id): Identifier<ApprovalId>,
    StrictJson(request): StrictJson<DecisionRequest>,
) -> Result<Json<DecisionAnswer>, MobileError> {
    let id = id.ok_or(MobileError::ApprovalNotFound)?;
    let (decision, status) = request.read();
    provider.decide_approval(&device, id, decision).await?;
    Ok(Json(DecisionAnswer { status }))
}

impl DecisionRequest {
    fn read(self) -> (PhoneDecision, &'static str) {
        match self {
            Self::Approve { number, assertion } => {
                (PhoneDecision::Approve { number: number.map(Secret::new), assertion }, "approved")
            }
            Self::Deny { reported } => (PhoneDecision::Deny { reported }, "denied"),
        }
    }
}

impl From<ApprovalView> for PendingApproval {
    fn from(view: ApprovalView) -> Self {
        Self {
            id: view.id.to_string(),
            text: view.text.into(),
            expires_at: view.deadline.secs(),
            number_required: view.number_required,
        }
    }
}

impl From<ChallengeView> for ChallengeAnswer {
    fn from(view: ChallengeView) -> Self {
        Self { random: base64url(view.random), text: view.text.into(), options: view.options }
    }
}

impl From<ApprovalText> for ShownText {
    fn from(text: ApprovalText) -> Self {
        Self {
            service: text.service,
            purpose: text.purpose,
            origin: text.origin,
            at: text.at,
            details: text.details,
            approval: text.approval.to_string(),
        }
    }
}
