//! `POST /introspect` (RFC 7662 2).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use super::extract::{FormParams, PeerOrigin, client_credentials};
use super::respond::{OAuthFailure, private_json};
use super::state::AppState;

/// Tells an authenticated client about a token.
pub(super) async fn introspect(
    State(state): State<AppState>,
    headers: HeaderMap,
    origin: PeerOrigin,
    FormParams(params): FormParams,
) -> Result<Response, OAuthFailure> {
    let basic = headers.contains_key(header::AUTHORIZATION);
    let credentials = client_credentials(&headers, &params)?;
    let told = state.provider.introspect(credentials, &params, &origin.0).await;
    let answer = told.map_err(|error| OAuthFailure::from(error).for_basic(basic))?;
    Ok(private_json(StatusCode::OK, answer, None))
}
