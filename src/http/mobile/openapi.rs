//! The OpenAPI 3.1 document of `/mobile/v1`, made from its handlers.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;

use super::{approvals, devices, enrol};
use crate::http::AppState;

/// The document as served and as kept in `docs/mobile-openapi.json`: JSON, indented, with a final line break.
#[must_use]
pub fn document() -> String {
    let api = described().into_openapi();
    api.to_pretty_json().map(|text| text + "\n").unwrap_or_default()
}

/// The routes with their description.
pub(super) fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(frame())
        .merge(enrol::described())
        .merge(approvals::described())
        .merge(devices::described())
}

fn frame() -> OpenApi {
    let info = InfoBuilder::new()
        .title("sceau: phones")
        .version("1")
        .description(Some(
            "What the phone of a health professional calls. Every answer carries a fresh `DPoP-Nonce` header. \
             Refusals are `{\"error\", \"error_description\"}`.",
        ))
        .build();
    let proof = ApiKeyValue::with_description(
        "DPoP",
        "Proof of the request key (RFC 9449 4.2) with the nonce of the last answer; a proof serves once.",
    );
    let components =
        ComponentsBuilder::new().security_scheme("dpop", SecurityScheme::ApiKey(ApiKey::Header(proof)));
    OpenApiBuilder::new().info(info).components(Some(components.build())).build()
}
