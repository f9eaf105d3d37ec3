//! `POST /par` (RFC 9126 2).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use super::extract::{FormParams, PeerOrigin, client_credentials, presented_proof};
use super::respond::{OAuthFailure, private_json};
use super::state::AppState;
use crate::flow::ClientCall;
use crate::oauth::NonceClass;

/// Keeps an authorization request.
pub(super) async fn push(
    State(state): State<AppState>,
    headers: HeaderMap,
    origin: PeerOrigin,
    FormParams(params): FormParams,
) -> Result<Response, OAuthFailure> {
    let basic = headers.contains_key(header::AUTHORIZATION);
    let proof = presented_proof(&headers, "POST", "/par", NonceClass::AuthorizationServer);
    let proves = !proof.headers.is_empty();
    let credentials = client_credentials(&headers, &params)?;
    let call = ClientCall { params, credentials, proof, origin: origin.0 };
    let pushed = state.provider.push_request(call).await;
    // Afterwards: the call may have seen a new generation of the memory.
    let nonce = proves.then(|| state.provider.fresh_nonce(NonceClass::AuthorizationServer));
    match pushed {
        Ok(answer) => Ok(private_json(StatusCode::CREATED, &answer.to_json(), nonce)),
        Err(error) => Err(OAuthFailure::from(error).for_basic(basic).with_nonce(nonce)),
    }
}
