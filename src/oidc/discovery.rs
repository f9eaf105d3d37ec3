//! The metadata document: what this provider does, and nothing it does not.
//!
//! Spec: <https://openid.net/specs/openid-connect-discovery-1_0.html> and
//! <https://www.rfc-editor.org/rfc/rfc8414>. Covers Discovery 3, RFC 8414 2, and the members registered by RFC 9126 5,
//! RFC 9207 3, RFC 9449 5.1 and the Prompt Create draft. Where the document is served is the HTTP layer's.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::core_userinfo::CLAIM_SCOPES;
use crate::jose::Algorithm;
use crate::oauth::{ASSERTION_ALGORITHMS, ClientAuthMethod, DPOP_ALGORITHMS, GrantType};

/// What is enabled in this installation.
#[derive(Clone, Debug)]
pub struct ProviderFeatures {
    /// The issuer, without a trailing slash (Discovery 3).
    pub issuer: String,
    /// The ID token algorithms that have an active signing key.
    pub id_token_algorithms: Vec<Algorithm>,
    /// The `acr` values that some way of signing in can reach, lowest first.
    pub acr_values: Vec<String>,
    /// The scopes that can be granted.
    pub scopes: Vec<String>,
    /// Claims about persons beyond those of professionals.
    pub claims: Vec<&'static str>,
    /// The grant types of the token endpoint.
    pub grant_types: Vec<GrantType>,
    /// The ways in which a client of an enabled profile may authenticate.
    pub auth_methods: Vec<ClientAuthMethod>,
    /// Whether an enabled profile makes every client push its request (RFC 9126 5).
    pub par_required: bool,
    /// Where relying-party developers read more, if anywhere.
    pub service_documentation: Option<String>,
}

/// The provider metadata (Discovery 3, RFC 8414 2), the same at both well-known addresses.
#[must_use]
pub fn metadata(features: &ProviderFeatures) -> Value {
    let issuer = features.issuer.as_str();
    let auth_methods: Vec<_> = features.auth_methods.iter().map(|method| method.as_str()).collect();
    let grant_types: Vec<_> = features.grant_types.iter().map(|grant| grant.as_str()).collect();
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "scopes_supported": features.scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": grant_types,
        "subject_types_supported": ["pairwise"],
        "acr_values_supported": features.acr_values,
        "id_token_signing_alg_values_supported": names(&features.id_token_algorithms),
        "token_endpoint_auth_methods_supported": auth_methods,
        "claim_types_supported": ["normal"],
        "claims_supported": claims(&features.scopes, &features.claims),
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        // A pushed `request_uri` is usable whatever this says (RFC 9126 5).
        "request_uri_parameter_supported": false,
        "ui_locales_supported": ["fr", "en"],
        "prompt_values_supported": PROMPTS,
        "code_challenge_methods_supported": ["S256"],
        // RFC 9126 5
        "pushed_authorization_request_endpoint": format!("{issuer}/par"),
        "require_pushed_authorization_requests": features.par_required,
        // RFC 8414 2, RFC 7662, RFC 7009
        "introspection_endpoint": format!("{issuer}/introspect"),
        "introspection_endpoint_auth_methods_supported": confidential(&features.auth_methods),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "revocation_endpoint_auth_methods_supported": auth_methods,
        // RP-Initiated Logout 2.1
        "end_session_endpoint": format!("{issuer}/end_session"),
        // RFC 9207 3
        "authorization_response_iss_parameter_supported": true,
        // RFC 9449 5.1
        "dpop_signing_alg_values_supported": names(DPOP_ALGORITHMS),
    });
    if let Some(members) = document.as_object_mut() {
        // RFC 8414 2: needed when private_key_jwt is announced, without meaning otherwise.
        if features.auth_methods.contains(&ClientAuthMethod::PrivateKeyJwt) {
            for endpoint in ["token", "introspection", "revocation"] {
                let key = format!("{endpoint}_endpoint_auth_signing_alg_values_supported");
                members.insert(key, json!(names(ASSERTION_ALGORITHMS)));
            }
        }
        if let Some(page) = &features.service_documentation {
            members.insert("service_documentation".to_owned(), json!(page));
        }
    }
    document
}

/// Introspection is refused to a client that shows no credentials (RFC 7662 2.1).
fn confidential(methods: &[ClientAuthMethod]) -> Vec<&'static str> {
    let shown = methods.iter().filter(|method| **method != ClientAuthMethod::None);
    shown.map(|method| method.as_str()).collect()
}

fn names(algorithms: &[Algorithm]) -> Vec<&'static str> {
    algorithms.iter().map(|algorithm| algorithm.as_str()).collect()
}

/// The protocol's claims, `others`, and those about the person that one of `scopes` releases.
fn claims(scopes: &[String], others: &[&'static str]) -> BTreeSet<&'static str> {
    let granted = |one: &&str| scopes.iter().any(|scope| scope == one);
    let personal = CLAIM_SCOPES.iter().filter(|(_, releasing)| releasing.iter().any(granted));
    let personal = personal.map(|(claim, _)| *claim);
    PROTOCOL_CLAIMS.iter().chain(others).copied().chain(personal).collect()
}

/// The `prompt` values understood (OpenID Connect Core 3.1.2.1).
pub const PROMPTS: &[&str] = &["none", "login", "consent", "select_account"];

/// The claims of the protocol itself, in every ID token (OpenID Connect Core 2, Back-Channel Logout 2.1).
const PROTOCOL_CLAIMS: &[&str] =
    &["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"];
