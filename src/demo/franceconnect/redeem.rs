//! The token endpoint (RFC 6749 4.1.3, 5.1, 5.2; RFC 7636 4.6; OpenID Connect Core 2, 3.1.3).

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::authorize::Asked;
use super::{CLIENT_ID, FranceConnect};
use crate::base::{Secret, UnixTime};
use crate::jose::Algorithm;
use crate::oauth::{OAuthError, RawParams};
use crate::oidc::at_hash;

/// Life of access tokens and ID tokens.
pub(super) const TOKEN: Duration = Duration::from_mins(1);
/// What a person of FranceConnect+ does to sign in (RFC 8176).
const METHODS: [&str; 4] = ["fc", "pop", "mfa", "pin"];

/// What a code, and then an access token, stands for.
#[derive(Clone)]
pub(super) struct Granted {
    pub(super) asked: Asked,
    /// Place among the people.
    pub(super) person: usize,
    /// When the person chose.
    pub(super) at: UnixTime,
}

/// RFC 6749 5.2
struct Refusal(StatusCode, &'static str);

impl From<OAuthError> for Refusal {
    fn from(_: OAuthError) -> Self {
        Self(StatusCode::BAD_REQUEST, "invalid_request")
    }
}

const WRONG_GRANT: Refusal = Refusal(StatusCode::BAD_REQUEST, "invalid_grant");

pub(super) async fn token(State(provider): State<Arc<FranceConnect>>, body: Bytes) -> Response {
    let answered = match provider.take_code(&body) {
        Ok((granted, access_token)) => provider.tokens(&granted, &access_token).await,
        Err(refusal) => Err(refusal),
    };
    let (status, answer) = match answered {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Refusal(status, error)) => (status, json!({ "error": error })),
    };
    // RFC 6749 5.1
    (status, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

impl FranceConnect {
    /// Takes the code of a request, whatever becomes of it, and puts an access token in its place.
    fn take_code(&self, body: &[u8]) -> Result<(Granted, Secret), Refusal> {
        let now = self.now();
        let params = RawParams::parse(body)?;
        params.check_unique()?;
        // OpenID Connect Core 9: client_secret_post.
        let secret = Secret::new(params.get("client_secret")?.unwrap_or("").to_owned());
        if params.get("client_id")? != Some(CLIENT_ID) || secret != self.client.secret {
            return Err(Refusal(StatusCode::UNAUTHORIZED, "invalid_client"));
        }
        if params.require("grant_type")? != "authorization_code" {
            return Err(Refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type"));
        }
        let code = params.require("code")?;
        let Some(granted) = self.codes.take(code, now) else {
            // RFC 6749 4.1.2: what a code gave ends when the code comes twice.
            if let Some(token) = self.used_codes.take(code, now) {
                self.tokens.take(&token, now);
            }
            return Err(WRONG_GRANT);
        };
        if params.require("redirect_uri")? != self.client.redirect_uri {
            return Err(WRONG_GRANT);
        }
        match (&granted.asked.challenge, params.get("code_verifier")?) {
            // RFC 7636 4.6
            (Some(challenge), Some(verifier)) if challenge.verify(verifier).is_ok() => {}
            (None, None) => {}
            // RFC 9700 4.8.2: neither a wrong one, nor one that was left out or put in later.
            _ => return Err(WRONG_GRANT),
        }
        let access_token = self.draw();
        self.used_codes.put(code, now.plus(TOKEN), access_token.clone());
        self.tokens.put(&access_token, now.plus(TOKEN), granted.clone());
        Ok((granted, Secret::new(access_token)))
    }

    async fn tokens(&self, granted: &Granted, access_token: &Secret) -> Result<Value, Refusal> {
        let claims = self.id_token_claims(granted, access_token).ok_or(WRONG_GRANT)?;
        let sealed = async { self.seal(&Value::Object(claims), &self.recipient().await?) };
        let id_token = sealed.await.map_err(|error| {
            tracing::warn!(%error, "the simulated FranceConnect cannot make an ID token");
            Refusal(StatusCode::INTERNAL_SERVER_ERROR, "server_error")
        })?;
        Ok(json!({
            "access_token": access_token.expose(),
            "token_type": "Bearer",
            "expires_in": TOKEN.as_secs(),
            "scope": granted.asked.scope.to_string(),
            "id_token": id_token,
        }))
    }

    /// OpenID Connect Core 2.
    fn id_token_claims(&self, granted: &Granted, access_token: &Secret) -> Option<Map<String, Value>> {
        let mut claims = self.claims_about(granted)?;
        let asked = &granted.asked;
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("acr", json!(asked.acr.as_str()));
        set("auth_time", json!(granted.at.secs()));
        set("nonce", json!(asked.nonce));
        set("at_hash", json!(at_hash(Algorithm::Es256, access_token)));
        if asked.amr {
            set("amr", json!(METHODS));
        }
        Some(claims)
    }

    /// What every token about a person says.
    pub(super) fn claims_about(&self, granted: &Granted) -> Option<Map<String, Value>> {
        let now = self.now();
        let claims = json!({
            "iss": self.issuer,
            "sub": self.people.get(granted.person)?.subject(CLIENT_ID),
            "aud": CLIENT_ID,
            "iat": now.secs(),
            "exp": now.plus(TOKEN).secs(),
        });
        if let Value::Object(claims) = claims { Some(claims) } else { None }
    }
}
