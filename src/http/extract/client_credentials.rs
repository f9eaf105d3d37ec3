//! Client credentials as presented: Basic, form, assertion or none (RFC 6749 2.3, OpenID Connect Core 9).

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::Secret;
use crate::flow::PresentedCredentials;
use crate::http::respond::OAuthFailure;
use crate::oauth::{ASSERTION_TYPE, ErrorCode, OAuthError, RawParams};

/// Reads the one kind of credentials a request may present.
///
/// # Errors
/// `invalid_request` for two kinds at once or a malformed header; `invalid_client` for none, or for a scheme other than
/// Basic, with the challenge when the header was used (RFC 6749 5.2).
pub(crate) fn client_credentials(
    headers: &HeaderMap,
    params: &RawParams,
) -> Result<PresentedCredentials, OAuthFailure> {
    let tried = headers.contains_key(header::AUTHORIZATION);
    presented(headers, params).map_err(|error| OAuthFailure::from(error).for_basic(tried))
}

fn presented(headers: &HeaderMap, params: &RawParams) -> Result<PresentedCredentials, OAuthError> {
    let basic = basic(headers)?;
    let client_id = params.get("client_id")?.map(str::to_owned);
    let secret = params.get("client_secret")?;
    let assertion = params.get("client_assertion")?;
    let assertion_type = params.get("client_assertion_type")?;
    let several = || OAuthError::new(ErrorCode::InvalidRequest, "more than one client authentication method");
    match (basic, secret, assertion) {
        // RFC 6749 2.3: one method per request.
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => Err(several()),
        (Some((id, secret)), None, None) => {
            if client_id.is_some_and(|other| other != id) {
                return Err(OAuthError::new(
                    ErrorCode::InvalidRequest,
                    "client_id differs from the credentials",
                ));
            }
            Ok(PresentedCredentials::Basic { client_id: id, secret })
        }
        (None, Some(secret), None) => Ok(PresentedCredentials::Post {
            client_id: client_id.ok_or_else(absent)?,
            secret: Secret::new(secret.to_owned()),
        }),
        (None, None, Some(assertion)) => {
            // RFC 7521 4.2
            if assertion_type != Some(ASSERTION_TYPE) {
                return Err(OAuthError::new(
                    ErrorCode::InvalidRequest,
                    "client_assertion_type is missing or unknown",
                ));
            }
            Ok(PresentedCredentials::Assertion { client_id, assertion: Secret::new(assertion.to_owned()) })
        }
        (None, None, None) => Ok(PresentedCredentials::Public { client_id: client_id.ok_or_else(absent)? }),
    }
}

fn absent() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, "client authentication is missing")
}

/// RFC 6749 2.3.1: identifier and secret are form-encoded inside the Basic pair.
fn basic(headers: &HeaderMap) -> Result<Option<(String, Secret)>, OAuthError> {
    let malformed = || OAuthError::new(ErrorCode::InvalidRequest, "the Authorization header is malformed");
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() || value.len() > 4096 {
        return Err(malformed());
    }
    let (scheme, encoded) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(OAuthError::new(ErrorCode::InvalidClient, "unsupported authentication method"));
    }
    let pair = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = pair.ok_or_else(malformed)?;
    let (id, secret) = pair.split_once(':').ok_or_else(malformed)?;
    let decode = |text: &str| {
        let wrapped = RawParams::parse(format!("v={text}").as_bytes()).ok()?;
        wrapped.get("v").ok().flatten().map(str::to_owned)
    };
    let id = decode(id).ok_or_else(malformed)?;
    Ok(Some((id, Secret::new(decode(secret).unwrap_or_default()))))
}
