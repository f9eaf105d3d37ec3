//! Strict unpadded base64url (RFC 4648 5, as RFC 7515 2 asks).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text is not canonical unpadded base64url: a foreign character, padding, or stray trailing bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not unpadded base64url")]
pub struct Base64UrlError;

/// Encodes `bytes` as unpadded base64url.
#[must_use]
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes unpadded base64url.
///
/// # Errors
/// [`Base64UrlError`] for padding, white space, the standard alphabet or non-zero trailing bits.
pub fn from_base64url(text: &str) -> Result<Vec<u8>, Base64UrlError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Base64UrlError)
}
