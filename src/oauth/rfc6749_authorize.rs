//! The authorization request, judged before anything is shown.
//!
//! <https://www.rfc-editor.org/rfc/rfc6749>: 3.1, 3.1.1, 3.1.2, 3.3, 4.1.1, 4.1.2.1, with the parameters of RFC 7636,
//! RFC 9449 10 and RFC 8707. The caller has found the client by `client_id`, resolved a pushed request (RFC 9126) and
//! refused one that had to be pushed. The parameters of OpenID Connect are read in `oidc`.
//!
//! | order | check | answer | source |
//! |---|---|---|---|
//! | 1 | `client_id` is the client's, which is enabled | page | RFC 6749 4.1.2.1 |
//! | 2 | `redirect_uri` sent once and registered | page | RFC 9700 4.1.3, OIDC Core 3.1.2.1 |
//! | 3 | `response_mode` offered | redirect by query | OAuth Multiple Response Types 2.1 |
//! | 4 | no parameter twice, `state` reasonable | redirect | RFC 6749 3.1 |
//! | 5 | no `request`, `request_uri`, `registration`, `resource` | redirect | OIDC Core 3.1.2.6, RFC 8707 2 |
//! | 6 | `response_type=code`, a registered grant | redirect | RFC 6749 3.1.1 |
//! | 7 | `scope` within the registered ones, with `openid` | redirect | RFC 6749 3.3, OIDC Core 3.1.2.1 |
//! | 8 | PKCE as the profile asks | redirect | RFC 7636 4.4.1 |
//! | 9 | `dpop_jkt` is a thumbprint | redirect | RFC 9449 10 |

use serde::{Deserialize, Serialize};

use super::client::{Client, REPRESENTATION};
use super::error::{ErrorCode, OAuthError};
use super::params::RawParams;
use super::profile::GrantType;
use super::response_mode::ResponseMode;
use super::rfc7636_pkce::CodeChallenge;
use super::scope::ScopeSet;
use crate::base::ClientId;
use crate::jose::Thumbprint;

/// What a client asks for, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Where the answer goes, as requested.
    pub redirect_uri: String,
    /// Whether the request named it, so that the token request must repeat it (RFC 6749 4.1.3).
    pub redirect_uri_sent: bool,
    /// What is asked of the registered scopes.
    pub scope: ScopeSet,
    /// Returned as it came.
    pub state: Option<String>,
    /// How the answer goes.
    pub response_mode: ResponseMode,
    /// What the token request must prove (RFC 7636).
    pub code_challenge: Option<CodeChallenge>,
    /// The key the code is bound to (RFC 9449 10).
    pub dpop_jkt: Option<Thumbprint>,
}

/// A refused authorization request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// Client or redirect URI is wrong: a page of ours, never a redirect (RFC 6749 4.1.2.1).
    #[error("{0}")]
    Page(OAuthError),
    /// The client is told at its redirect URI.
    #[error("{}", .0.error)]
    Redirect(Box<RedirectError>),
}

/// A refusal for the redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectError {
    /// A URI that is the client's.
    pub redirect_uri: String,
    /// How the answer goes.
    pub response_mode: ResponseMode,
    /// The `state` of the request, unless it was the fault.
    pub state: Option<String>,
    /// What is wrong.
    pub error: OAuthError,
}

/// Judges `params`, sent by a browser or pushed, against `client`, in the order of the table above.
///
/// # Errors
/// [`AuthorizeError`].
pub fn authorization_request(
    params: &RawParams,
    client: &Client,
) -> Result<AuthorizationRequest, AuthorizeError> {
    check_client(params, client).map_err(AuthorizeError::Page)?;
    let redirect_uri = redirect_uri(params, client).map_err(AuthorizeError::Page)?;

    let mode = params.get("response_mode").and_then(ResponseMode::parse);
    let response_mode = mode.as_ref().copied().unwrap_or_default();
    let state = state(params);
    let returned = state.clone().unwrap_or_default();
    let refuse = |error| {
        let redirect_uri = redirect_uri.to_owned();
        let state = returned.clone();
        AuthorizeError::Redirect(Box::new(RedirectError { redirect_uri, response_mode, state, error }))
    };

    mode.map_err(&refuse)?;
    params.check_unique().map_err(&refuse)?;
    let state = state.map_err(&refuse)?;
    check_unsupported(params).map_err(&refuse)?;
    check_response_type(params, client).map_err(&refuse)?;
    let scope = scope(params, client).map_err(&refuse)?;
    let code_challenge = code_challenge(params, client).map_err(&refuse)?;
    let dpop_jkt = dpop_jkt(params).map_err(&refuse)?;

    Ok(AuthorizationRequest {
        client_id: client.client_id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        redirect_uri_sent: true,
        scope,
        state,
        response_mode,
        code_challenge,
        dpop_jkt,
    })
}

fn check_client(params: &RawParams, client: &Client) -> Result<(), OAuthError> {
    if params.require("client_id")? != client.client_id.as_str() {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "unknown client"));
    }
    if client.enabled {
        Ok(())
    } else {
        Err(OAuthError::new(ErrorCode::UnauthorizedClient, "client disabled"))
    }
}

fn redirect_uri<'a>(params: &'a RawParams, client: &Client) -> Result<&'a str, OAuthError> {
    // OIDC Core 3.1.2.1: required, even when only one is registered.
    let requested = params.require("redirect_uri")?;
    // RFC 9700 4.1.3
    client
        .redirect_uri(requested)
        .map(|_| requested)
        .ok_or_else(|| OAuthError::new(ErrorCode::InvalidRequest, "redirect_uri not registered"))
}

fn state(params: &RawParams) -> Result<Option<String>, OAuthError> {
    let state = params.get("state")?;
    if state.is_some_and(|state| state.len() > MAX_STATE || state.chars().any(char::is_control)) {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "state too long or with control characters"));
    }
    Ok(state.map(str::to_owned))
}

fn check_unsupported(params: &RawParams) -> Result<(), OAuthError> {
    let refusals = [
        // OIDC Core 3.1.2.6
        ("request", ErrorCode::RequestNotSupported, "request objects are not supported"),
        ("request_uri", ErrorCode::RequestUriNotSupported, "only a pushed request_uri is supported"),
        ("registration", ErrorCode::RegistrationNotSupported, "registration is not supported"),
        // RFC 8707 2
        ("resource", ErrorCode::InvalidTarget, "resource is not supported"),
    ];
    match refusals.into_iter().find(|(name, ..)| params.contains(name)) {
        Some((_, code, public)) => Err(OAuthError::new(code, public)),
        None => Ok(()),
    }
}

fn check_response_type(params: &RawParams, client: &Client) -> Result<(), OAuthError> {
    // RFC 6749 3.1.1, RFC 9700 2.1.2
    if params.require("response_type")? != "code" {
        return Err(OAuthError::new(
            ErrorCode::UnsupportedResponseType,
            "only response_type=code is supported",
        ));
    }
    if client.allows_grant(GrantType::AuthorizationCode) {
        return Ok(());
    }
    Err(OAuthError::new(
        ErrorCode::UnauthorizedClient,
        "authorization_code is not registered for this client",
    ))
}

fn scope(params: &RawParams, client: &Client) -> Result<ScopeSet, OAuthError> {
    let requested = ScopeSet::parse(params.get("scope")?.unwrap_or_default())?;
    // OIDC Core 3.1.2.1: what is not understood is ignored.
    let mut scope = requested.intersection(&client.scopes);
    if !client.may_ask_representation() {
        scope = scope.without(&[REPRESENTATION]);
    }
    if scope.contains("openid") {
        return Ok(scope);
    }
    Err(OAuthError::new(ErrorCode::InvalidScope, "scope must include openid"))
}

fn code_challenge(params: &RawParams, client: &Client) -> Result<Option<CodeChallenge>, OAuthError> {
    let challenge =
        CodeChallenge::parse(params.get("code_challenge")?, params.get("code_challenge_method")?)?;
    // RFC 7636 4.4.1, RFC 9700 2.1.1
    if challenge.is_none() && client.pkce_required() {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "code_challenge required"));
    }
    Ok(challenge)
}

fn dpop_jkt(params: &RawParams) -> Result<Option<Thumbprint>, OAuthError> {
    // RFC 9449 10
    let jkt = params.get("dpop_jkt")?.map(str::parse).transpose();
    jkt.map_err(|_| OAuthError::new(ErrorCode::InvalidRequest, "malformed dpop_jkt"))
}

const MAX_STATE: usize = 4096;
