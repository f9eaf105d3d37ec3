//! Userinfo (OpenID Connect Core 5.3.2; RFC 6750 2.1, 3): `application/jwt`, signed and encrypted.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::FranceConnect;
use super::redeem::Granted;

pub(super) async fn userinfo(State(provider): State<Arc<FranceConnect>>, headers: HeaderMap) -> Response {
    let presented = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = presented.and_then(|value| value.strip_prefix("Bearer "));
    let Some(granted) = token.and_then(|token| provider.tokens.get(token, provider.now())) else {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    };
    match provider.told(&granted).await {
        Ok(token) => {
            let headers = [(header::CONTENT_TYPE, "application/jwt"), (header::CACHE_CONTROL, "no-store")];
            (headers, token).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "the simulated FranceConnect cannot tell about a person");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl FranceConnect {
    async fn told(&self, granted: &Granted) -> anyhow::Result<String> {
        let mut claims = self.claims_about(granted).unwrap_or_default();
        if let Some(person) = self.people.get(granted.person) {
            claims.extend(person.claims(&granted.asked.scope));
        }
        self.seal(&Value::Object(claims), &self.recipient().await?)
    }
}
