//! `POST /token` (RFC 6749 3.2).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use super::extract::{FormParams, PeerOrigin, client_credentials, presented_proof};
use super::respond::{OAuthFailure, private_json};
use super::state::AppState;
use crate::flow::ClientCall;
use crate::oauth::NonceClass;

/// Exchanges a grant for tokens.
pub(super) async fn token(
    State(state): State<AppState>,
    headers: HeaderMap,
    origin: PeerOrigin,
    FormParams(params): FormParams,
) -> Result<Response, OAuthFailure> {
    let basic = headers.contains_key(header::AUTHORIZATION);
    let proof = presented_proof(&headers, "POST", "/token", NonceClass::AuthorizationServer);
    let proves = !proof.headers.is_empty();
    let credentials = client_credentials(&headers, &params)?;
    let call = ClientCall { params, credentials, proof, origin: origin.0 };
    let answer = state.provider.token(call).await;
    // Afterwards: the call may have seen a new generation of the memory.
    let nonce = proves.then(|| state.provider.fresh_nonce(NonceClass::AuthorizationServer));
    match answer {
        Ok(tokens) => Ok(private_json(StatusCode::OK, tokens.to_json(), nonce)),
        Err(error) => Err(OAuthFailure::from(error).for_basic(basic).with_nonce(nonce)),
    }
}
