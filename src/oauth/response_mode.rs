//! The one place that builds an authorization response.
//!
//! <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2> (query),
//! <https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html> 2 (form post),
//! <https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html> 2.1 (`response_mode`).
//! `fragment` and the JWT modes are not offered.

use serde::{Deserialize, Serialize};

use super::error::{ErrorCode, OAuthError};

/// How the answer reaches the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// Parameters in the query of the redirect URI: the default of `response_type=code`.
    #[default]
    Query,
    /// A form posted by the browser.
    FormPost,
}

impl ResponseMode {
    /// Reads the `response_mode` parameter.
    ///
    /// # Errors
    /// `invalid_request` for a mode that is not offered.
    pub fn parse(text: Option<&str>) -> Result<Self, OAuthError> {
        match text {
            None | Some("query") => Ok(Self::Query),
            Some("form_post") => Ok(Self::FormPost),
            Some(_) => Err(OAuthError::new(ErrorCode::InvalidRequest, "response_mode not supported")),
        }
    }

    /// The mode as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }
}

/// An answer ready to be sent. No `Debug`: it holds the code.
#[derive(Clone, PartialEq, Eq)]
pub enum AuthorizationResponse {
    /// The `Location` of a 303.
    Redirect(String),
    /// A form that posts `fields` to `action`.
    Form {
        /// The redirect URI.
        action: String,
        /// Names and values, not yet escaped for HTML.
        fields: Vec<(String, String)>,
    },
}

/// The answer with `params`, sent to `redirect_uri`, whose own query is kept (RFC 6749 3.1.2).
#[must_use]
pub fn authorization_response(
    redirect_uri: &str,
    mode: ResponseMode,
    params: &[(&str, &str)],
) -> AuthorizationResponse {
    match mode {
        ResponseMode::Query => AuthorizationResponse::Redirect(with_query(redirect_uri, params)),
        ResponseMode::FormPost => AuthorizationResponse::Form {
            action: redirect_uri.to_owned(),
            fields: params.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        },
    }
}

fn with_query(redirect_uri: &str, params: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let separator = match redirect_uri.split_once('?') {
        None => "?",
        Some((_, own)) if own.is_empty() || own.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{redirect_uri}{separator}{query}")
}
