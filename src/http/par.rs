//! `POST /par` (RFC 9126 2).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use super::extract::{FormParams, PeerOrigin, client_credentials};
use super::respond::{OAuthFailure, private_json};
use super::state::AppState;

/// Keeps an authorization request.
pub(super) async fn push(
    State(state): State<AppState>,
    headers: HeaderMap,
    origin: PeerOrigin,
    FormParams(params): FormParams,
) -> Result<Response, OAuthFailure> {
    let basic = headers.contains_key(header::AUTHORIZATION);
    let credentials = client_credentials(&headers, &params)?;
    let pushed = state.provider.push_request(credentials, params, &origin.0).await;
    let answer = pushed.map_err(|error| OAuthFailure::from(error).for_basic(basic))?;
    Ok(private_json(StatusCode::CREATED, answer.to_json(), None))
}
