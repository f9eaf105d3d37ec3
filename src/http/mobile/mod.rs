//! `/mobile/v1`: what phones call. JSON in and out, every call but the first proves the request key (RFC 9449).
//!
//! Handlers parse, call one use case of [`crate::flow::Provider`], and put its answer into words. The OpenAPI
//! document is made from these handlers and kept in `docs/mobile-openapi.json`.

mod approvals;
mod devices;
mod enrol;
mod error;
mod openapi;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

pub use error::MobileError;
pub use openapi::document as openapi_document;

use super::AppState;
use crate::flow::Provider;
use crate::oauth::NonceClass;

const BASE: &str = "/mobile/v1";
const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The routes of `/mobile/v1`.
pub fn router(state: &AppState) -> Router<AppState> {
    let (routes, _) = openapi::described().split_for_parts();
    let document = openapi_document();
    let document = move || async move { ([(header::CONTENT_TYPE, "application/json")], document) };
    let routes = routes
        .route(&format!("{BASE}/openapi.json"), get(document))
        .method_not_allowed_fallback(async || MobileError::MethodNotAllowed);
    let rest = Router::new().fallback(async || MobileError::NotFound);
    routes
        .nest(BASE, rest)
        .layer(map_response_with_state(Arc::clone(&state.provider), dress))
        .layer(cors(Arc::clone(&state.mobile_origins)))
}

/// What every answer carries: the nonce of the next proof (RFC 9449 8.2), and no permission to keep it.
async fn dress(State(provider): State<Arc<Provider>>, mut response: Response) -> Response {
    let nonce = provider.fresh_nonce(NonceClass::Phone);
    let headers = response.headers_mut();
    headers.extend(HeaderValue::from_str(&nonce).ok().map(|nonce| (DPOP_NONCE, nonce)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Applications in a web view call from another origin: these origins, letter by letter, and without cookies.
fn cors(origins: Arc<[String]>) -> CorsLayer {
    let is_allowed = move |origin: &HeaderValue| origins.iter().any(|allowed| origin == allowed.as_str());
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| is_allowed(origin)))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([header::CONTENT_TYPE, DPOP])
        .expose_headers([DPOP_NONCE, header::RETRY_AFTER])
}
