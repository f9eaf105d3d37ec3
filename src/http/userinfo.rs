//! `/userinfo` (OpenID Connect Core 5.3).

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;

use super::extract::{FormParams, presented_proof};
use super::respond::{OAuthFailure, private_jwt, written_json};
use super::state::AppState;
use crate::base::Secret;
use crate::flow::UserinfoAnswer;
use crate::oauth::{ErrorCode, NonceClass, OAuthError, PresentedToken, Scheme};

/// `GET /userinfo`: the token comes in the header, never in the query (`security.md` AT-04).
pub(super) async fn get(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, OAuthFailure> {
    let token = header_token(&headers)?.ok_or_else(missing)?;
    answer(&state, &headers, &token, &Method::GET).await
}

/// `POST /userinfo`: the token comes in the header or in the form (RFC 6750 2.2).
pub(super) async fn post(
    State(state): State<AppState>,
    headers: HeaderMap,
    form: Result<FormParams, OAuthFailure>,
) -> Result<Response, OAuthFailure> {
    let in_header = header_token(&headers)?;
    let in_form = match &form {
        Ok(FormParams(params)) => params.get("access_token")?.map(str::to_owned),
        Err(_) => None,
    };
    let token = match (in_header, in_form) {
        (Some(_), Some(_)) => {
            // RFC 6750 2: one method per request.
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "the token was sent twice").into());
        }
        (Some(token), None) => token,
        (None, Some(token)) => PresentedToken { scheme: Scheme::Bearer, token: Secret::new(token) },
        (None, None) => return Err(missing()),
    };
    answer(&state, &headers, &token, &Method::POST).await
}

async fn answer(
    state: &AppState,
    headers: &HeaderMap,
    token: &PresentedToken,
    method: &Method,
) -> Result<Response, OAuthFailure> {
    let proof = presented_proof(headers, method.as_str(), "/userinfo", NonceClass::Resource);
    let answer = state.provider.userinfo(token, &proof).await;
    // Afterwards: the call may have seen a new generation of the memory.
    let nonce = (token.scheme == Scheme::Dpop).then(|| state.provider.fresh_nonce(NonceClass::Resource));
    match answer {
        Ok(UserinfoAnswer::Claims(claims)) => Ok(written_json(StatusCode::OK, claims, nonce)),
        Ok(UserinfoAnswer::Token(token)) => Ok(private_jwt(&token, nonce)),
        Err(refused) => Err(OAuthFailure::from(refused.error).at_resource(refused.scheme).with_nonce(nonce)),
    }
}

fn header_token(headers: &HeaderMap) -> Result<Option<PresentedToken>, OAuthFailure> {
    let malformed = || OAuthError::new(ErrorCode::InvalidRequest, "the Authorization header is malformed");
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(malformed().into());
    }
    let text = value.to_str().map_err(|_| malformed())?;
    Ok(Some(PresentedToken::parse(text).map_err(|_| malformed())?))
}

fn missing() -> OAuthFailure {
    let error = OAuthError::new(ErrorCode::InvalidToken, "an access token is required");
    OAuthFailure::from(error).at_resource(Scheme::Bearer)
}
