//! `POST /introspect` (RFC 7662 2).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use super::extract::{FormParams, PeerOrigin, client_credentials};
use super::respond::{OAuthFailure, private_json};
use crate::flow::Provider;
use crate::oauth::inactive;

/// Tells an authenticated client about a token.
pub(super) async fn introspect(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    origin: PeerOrigin,
    FormParams(params): FormParams,
) -> Result<Response, OAuthFailure> {
    let basic = headers.contains_key(header::AUTHORIZATION);
    let credentials = client_credentials(&headers, &params)?;
    let told = provider.introspect(credentials, &params, &origin.0).await;
    let active = told.map_err(|error| OAuthFailure::from(error).for_basic(basic))?;
    Ok(match active {
        Some(token) => private_json(StatusCode::OK, &token, None),
        None => private_json(StatusCode::OK, &inactive(), None),
    })
}
