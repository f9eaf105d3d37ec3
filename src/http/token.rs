//! `POST /token` (RFC 6749 3.2).

use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use tracing::Instrument as _;

use super::extract::{FormParams, PeerOrigin, client_credentials, presented_proof};
use super::respond::{OAuthFailure, private_json};
use super::state::AppState;
use super::token_meters::TokenMeters;
use crate::flow::ClientCall;
use crate::oauth::NonceClass;

/// Exchanges a grant for tokens.
pub(super) async fn token(
    meters: TokenMeters,
    State(state): State<AppState>,
    headers: HeaderMap,
    origin: PeerOrigin,
    FormParams(params): FormParams,
) -> Result<Response, OAuthFailure> {
    let basic = headers.contains_key(header::AUTHORIZATION);
    let proof = presented_proof(&headers, "POST", "/token", NonceClass::AuthorizationServer);
    let proves = !proof.headers.is_empty();
    let credentials = client_credentials(&headers, &params)?;
    let grant = meters.of(&params);
    let call = ClientCall { params, credentials, proof, origin: origin.0 };
    let started = Instant::now();
    let answer = state.provider.token(call).instrument(grant.span()).await;
    grant.tell(started, &answer);
    // Afterwards: the call may have seen a new generation of the memory.
    let nonce = proves.then(|| state.provider.fresh_nonce(NonceClass::AuthorizationServer));
    match answer {
        Ok(tokens) => Ok(private_json(StatusCode::OK, &tokens.to_json(), nonce)),
        Err(error) => Err(OAuthFailure::from(error).for_basic(basic).with_nonce(nonce)),
    }
}
