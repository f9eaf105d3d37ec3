//! `POST /revoke` (RFC 7009 2).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::extract::{FormParams, PeerOrigin, client_credentials};
use super::respond::OAuthFailure;
use super::state::AppState;

/// Ends a token; the answer has no body to read (RFC 7009 2.2).
pub(super) async fn revoke(
    State(state): State<AppState>,
    headers: HeaderMap,
    origin: PeerOrigin,
    FormParams(params): FormParams,
) -> Result<Response, OAuthFailure> {
    let basic = headers.contains_key(header::AUTHORIZATION);
    let credentials = client_credentials(&headers, &params)?;
    let revoked = state.provider.revoke_token(credentials, &params, &origin.0).await;
    revoked.map_err(|error| OAuthFailure::from(error).for_basic(basic))?;
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response())
}
