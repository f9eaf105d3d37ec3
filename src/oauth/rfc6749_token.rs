//! The token request, the binding of a code, and the token answer.
//!
//! <https://www.rfc-editor.org/rfc/rfc6749>: 3.2, 4.1.3, 4.4.2, 5.1, 5.2, 6; RFC 7636 4.6, RFC 9700 4.8.2 (downgrade),
//! RFC 9449 5 and 10. Does not authenticate the client, take the code or sign anything.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::{ErrorCode, OAuthError};
use super::params::RawParams;
use super::rfc7636_pkce::CodeChallenge;
use super::scope::ScopeSet;
use crate::base::{ClientId, Secret};
use crate::jose::Thumbprint;

/// A token request, by grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenRequest {
    /// RFC 6749 4.1.3.
    Code {
        /// The code.
        code: Secret,
        /// As in the authorization request.
        redirect_uri: Option<String>,
        /// RFC 7636 4.5.
        code_verifier: Option<Secret>,
    },
    /// RFC 6749 6.
    Refresh {
        /// The refresh token.
        refresh_token: Secret,
        /// What to narrow the scope to.
        scope: Option<ScopeSet>,
    },
    /// RFC 6749 4.4.2.
    ClientCredentials {
        /// What is asked for.
        scope: Option<ScopeSet>,
    },
}

/// Reads the form of a token request.
///
/// # Errors
/// `invalid_request`, `unsupported_grant_type`, `invalid_scope`, or `invalid_target` for any `resource`.
pub fn token_request(params: &RawParams) -> Result<TokenRequest, OAuthError> {
    // RFC 6749 3.2
    params.check_unique()?;
    let request = match params.require("grant_type")? {
        "authorization_code" => TokenRequest::Code {
            code: required_secret(params, "code")?,
            redirect_uri: params.get("redirect_uri")?.map(str::to_owned),
            code_verifier: params.get("code_verifier")?.map(|text| Secret::new(text.to_owned())),
        },
        "refresh_token" => TokenRequest::Refresh {
            refresh_token: required_secret(params, "refresh_token")?,
            scope: optional_scope(params)?,
        },
        "client_credentials" => TokenRequest::ClientCredentials { scope: optional_scope(params)? },
        // RFC 6749 5.2
        _ => {
            return Err(OAuthError::new(ErrorCode::UnsupportedGrantType, "grant_type not supported"));
        }
    };
    // RFC 8707 2
    if params.contains("resource") {
        return Err(OAuthError::new(ErrorCode::InvalidTarget, "resource is not supported"));
    }
    Ok(request)
}

fn required_secret(params: &RawParams, name: &'static str) -> Result<Secret, OAuthError> {
    params.require(name).map(|text| Secret::new(text.to_owned()))
}

fn optional_scope(params: &RawParams) -> Result<Option<ScopeSet>, OAuthError> {
    Ok(params.get("scope")?.map(ScopeSet::parse).transpose()?)
}

/// What a code was issued to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeBinding {
    /// The client.
    pub client_id: ClientId,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// Whether the authorization request named it.
    pub redirect_uri_sent: bool,
    /// The PKCE challenge.
    pub code_challenge: Option<CodeChallenge>,
    /// The key announced with the authorization request.
    pub dpop_jkt: Option<Thumbprint>,
}

/// What is presented along with a code.
#[derive(Clone, Copy, Debug)]
pub struct CodePresented<'a> {
    /// The `redirect_uri` parameter.
    pub redirect_uri: Option<&'a str>,
    /// The `code_verifier` parameter.
    pub code_verifier: Option<&'a Secret>,
}

/// Judges who presents a code, and with what; the code has been taken, so that a refusal leaves it burnt.
/// `client` is the authenticated client, `proof_jkt` the key of the validated `DPoP` proof.
///
/// # Errors
/// `invalid_grant`.
pub fn judge_code(
    binding: &CodeBinding,
    client: &ClientId,
    presented: CodePresented<'_>,
    proof_jkt: Option<Thumbprint>,
) -> Result<(), OAuthError> {
    // RFC 6749 4.1.3
    if &binding.client_id != client {
        return Err(not_acceptable("code of another client"));
    }
    check_redirect_uri(binding, presented.redirect_uri)?;
    match (&binding.code_challenge, presented.code_verifier) {
        // RFC 7636 4.6
        (Some(challenge), Some(verifier)) => challenge.verify(verifier.expose())?,
        (Some(_), None) => return Err(not_acceptable("code_verifier missing")),
        // RFC 9700 4.8.2
        (None, Some(_)) => return Err(not_acceptable("code_verifier without code_challenge")),
        (None, None) => {}
    }
    // RFC 9449 10
    if binding.dpop_jkt.is_some() && binding.dpop_jkt != proof_jkt {
        return Err(not_acceptable("proof key is not the one of dpop_jkt"));
    }
    Ok(())
}

// RFC 6749 4.1.3: identical when the authorization request named it.
fn check_redirect_uri(binding: &CodeBinding, presented: Option<&str>) -> Result<(), OAuthError> {
    match presented {
        Some(uri) if uri == binding.redirect_uri => Ok(()),
        None if !binding.redirect_uri_sent => Ok(()),
        Some(_) => Err(not_acceptable("redirect_uri differs")),
        None => Err(not_acceptable("redirect_uri missing")),
    }
}

// One public text for every case: a thief learns nothing about the code.
fn not_acceptable(internal: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, "code not acceptable").with_internal(internal)
}

/// How the access token is to be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// RFC 6750.
    Bearer,
    /// RFC 9449 5: bound to a key.
    Dpop,
}

impl TokenType {
    /// The `token_type` as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// A successful answer (RFC 6749 5.1, OIDC Core 3.1.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: Secret,
    /// How to present it.
    pub token_type: TokenType,
    /// Its lifetime, in seconds.
    pub expires_in: u64,
    /// The refresh token, when there is one.
    pub refresh_token: Option<Secret>,
    /// The lifetime of the refresh token, in seconds: an extension Pro Santé Connect has too.
    pub refresh_expires_in: Option<u64>,
    /// The ID token.
    pub id_token: Option<Secret>,
    /// What was granted.
    pub scope: ScopeSet,
}

impl TokenResponse {
    /// The body, to be sent with `Cache-Control: no-store`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "access_token": self.access_token.expose(),
            "token_type": self.token_type.as_str(),
            "expires_in": self.expires_in,
            "scope": self.scope.to_string(),
        });
        let optional = [
            ("refresh_token", self.refresh_token.as_ref().map(|token| Value::from(token.expose()))),
            ("refresh_expires_in", self.refresh_expires_in.map(Value::from)),
            ("id_token", self.id_token.as_ref().map(|token| Value::from(token.expose()))),
        ];
        if let Some(members) = body.as_object_mut() {
            let present = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            members.extend(present);
        }
        body
    }
}
