//! Discovery (OpenID Connect Discovery 3; RFC 9207 3) and the key set (RFC 7517 5).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::FranceConnect;
use crate::federation::Preset;
use crate::jose::Algorithm;

pub(super) async fn discovery(State(provider): State<Arc<FranceConnect>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", provider.issuer);
    let (signing, wrapping, content) = ([Algorithm::Es256.as_str()], ["ECDH-ES"], ["A256GCM"]);
    Json(json!({
        "issuer": provider.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/jwks"),
        "end_session_endpoint": at("/session/end"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["pairwise"],
        "acr_values_supported": Preset::FranceConnectPlus.acr_values(),
        "scopes_supported": ["openid", "profile", "birth", "identite_pivot", "email", "preferred_username"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "claims_parameter_supported": true,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "id_token_signing_alg_values_supported": signing,
        "id_token_encryption_alg_values_supported": wrapping,
        "id_token_encryption_enc_values_supported": content,
        "userinfo_signing_alg_values_supported": signing,
        "userinfo_encryption_alg_values_supported": wrapping,
        "userinfo_encryption_enc_values_supported": content,
    }))
}

pub(super) async fn jwks(State(provider): State<Arc<FranceConnect>>) -> Json<Value> {
    Json(json!({ "keys": [provider.public_key().to_json()] }))
}
