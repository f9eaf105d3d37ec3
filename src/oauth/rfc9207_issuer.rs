//! The parameters of an authorization response, each with `iss`.
//!
//! <https://www.rfc-editor.org/rfc/rfc9207#section-2>: success and error alike;
//! <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2> and 4.1.2.1: `code`, `state`, `error`.
//! Does not place them: see `response_mode.rs`.

use super::error::OAuthError;
use crate::base::Secret;

/// Names and values of a response, in the order they are sent.
pub type ResponseParams<'a> = Vec<(&'static str, &'a str)>;

/// The parameters of a success (RFC 6749 4.1.2).
#[must_use]
pub fn success_params<'a>(code: &'a Secret, state: Option<&'a str>, issuer: &'a str) -> ResponseParams<'a> {
    with_issuer(vec![("code", code.expose())], state, issuer)
}

/// The parameters of a refusal (RFC 6749 4.1.2.1); the detail for the log stays here.
#[must_use]
pub fn error_params<'a>(error: &OAuthError, state: Option<&'a str>, issuer: &'a str) -> ResponseParams<'a> {
    let params = vec![("error", error.code.as_str()), ("error_description", error.public)];
    with_issuer(params, state, issuer)
}

/// `params` completed by the `state` of the request, if it had one, and by `iss` (RFC 9207 2).
#[must_use]
pub fn with_issuer<'a>(
    mut params: ResponseParams<'a>,
    state: Option<&'a str>,
    issuer: &'a str,
) -> ResponseParams<'a> {
    params.extend(state.map(|state| ("state", state)));
    params.push(("iss", issuer));
    params
}
