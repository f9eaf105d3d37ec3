//! Logout that a relying party asks for: the request, whether the person is asked, where the browser goes.
//!
//! Spec: <https://openid.net/specs/openid-connect-rpinitiated-1_0.html>. Covers 2 (request; asking the person; whose hint),
//! 3 (redirection) and 6 (forged requests). `logout_hint` is not read. It knows no session: the caller says how the
//! browser's session stands to the hint.

use super::HintClaims;
use crate::base::{ClientId, Secret};
use crate::oauth::{
    AuthorizationResponse, Client, ErrorCode, OAuthError, RawParams, ResponseMode, authorization_response,
};

/// A logout request (2).
#[derive(Clone, Debug, Default)]
pub struct LogoutRequest {
    /// An ID token given before, unread.
    pub id_token_hint: Option<Secret>,
    /// The client that asks, as it says.
    pub client_id: Option<ClientId>,
    /// Where it wants the browser back.
    pub post_logout_redirect_uri: Option<String>,
    /// To be returned with it.
    pub state: Option<String>,
    /// Languages wanted.
    pub ui_locales: Vec<String>,
}

/// Reads the parameters of a logout request (2). Unknown ones are ignored.
///
/// # Errors
/// `invalid_request`: a parameter sent twice, a `client_id` of no client, a `state` over 4 KiB.
pub fn logout_request(params: &RawParams) -> Result<LogoutRequest, OAuthError> {
    params.check_unique()?;
    let malformed = || OAuthError::new(ErrorCode::InvalidRequest, "client_id is malformed");
    let text = |name: &str| params.get(name).map(|value| value.map(str::to_owned));
    let state = text("state")?;
    if state.as_ref().is_some_and(|state| state.len() > MAX_STATE) {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "state is too long"));
    }
    Ok(LogoutRequest {
        id_token_hint: text("id_token_hint")?.map(Secret::new),
        client_id: params.get("client_id")?.map(str::parse).transpose().map_err(|_| malformed())?,
        post_logout_redirect_uri: text("post_logout_redirect_uri")?,
        state,
        ui_locales: text("ui_locales")?
            .map(|tags| tags.split(' ').map(str::to_owned).collect())
            .unwrap_or_default(),
    })
}

/// How the session of the browser stands to the hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserSession {
    /// The browser has none.
    None,
    /// It is the one that the hint names.
    OfHint,
    /// It is another one, or there is no hint to tell.
    Other,
}

/// What to do about a logout request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutVerdict {
    /// End the session.
    Proceed,
    /// Ask the person first.
    Ask,
}

/// Judges a logout request; `hint` is the validated hint, none for a forged one.
///
/// # Errors
/// `invalid_request` when the client is not the one the hint was issued to.
pub fn judge_logout(
    request: &LogoutRequest,
    hint: Option<&HintClaims>,
    session: BrowserSession,
) -> Result<LogoutVerdict, OAuthError> {
    // 2: the OP MUST verify that the client is the one the ID token was issued to.
    if let (Some(client), Some(hint)) = (&request.client_id, hint)
        && *client != hint.aud
    {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "client_id is not that of id_token_hint"));
    }
    Ok(match session {
        // 4: nothing is left to ask about.
        BrowserSession::None | BrowserSession::OfHint => LogoutVerdict::Proceed,
        // 2 and 6: anybody may have made this request.
        BrowserSession::Other => LogoutVerdict::Ask,
    })
}

/// Where the browser goes when all is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutReturn {
    /// To this address of the client.
    Redirect(String),
    /// Nowhere: no address was asked for.
    Stay,
    /// Nowhere: the address is not one this request may use.
    Refused,
}

/// The way back (3): only to an address registered exactly so, of the client whose valid hint came with the request.
#[must_use]
pub fn logout_return(request: &LogoutRequest, client_of_hint: Option<&Client>) -> LogoutReturn {
    let Some(wanted) = &request.post_logout_redirect_uri else { return LogoutReturn::Stay };
    let registered = client_of_hint.is_some_and(|client| client.post_logout_redirect_uris.contains(wanted));
    if !registered {
        return LogoutReturn::Refused;
    }
    let Some(state) = &request.state else { return LogoutReturn::Redirect(wanted.clone()) };
    match authorization_response(wanted, ResponseMode::Query, &[("state", state)]) {
        AuthorizationResponse::Redirect(location) => LogoutReturn::Redirect(location),
        AuthorizationResponse::Form { .. } => LogoutReturn::Refused,
    }
}

const MAX_STATE: usize = 4096;
