//! The proof of the request key that every call carries (RFC 9449 4.2, client side).

use serde_json::json;
use url::Url;

use super::PhoneError;
use crate::base::{EntropyExt, UnixTime, base64url};
use crate::jose::{Jwk, PrivateKey, compact, signing_input};

/// What one proof is for.
pub(super) struct ProofOf<'a> {
    /// HTTP method, upper case.
    pub method: &'a str,
    /// The URL called; query and fragment are left out.
    pub url: &'a Url,
    /// The server's current nonce, once known.
    pub nonce: Option<&'a str>,
}

/// A fresh proof (RFC 9449 4.2): used for one call, never twice.
pub(super) fn prove(
    key: &PrivateKey,
    what: &ProofOf<'_>,
    now: UnixTime,
    entropy: &(impl EntropyExt + ?Sized),
) -> Result<String, PhoneError> {
    let jwk = Jwk { key: key.public().clone(), kid: None, alg: None, key_use: None };
    let header = json!({ "typ": "dpop+jwt", "alg": key.algorithm().as_str(), "jwk": jwk.to_json() });
    let mut url = what.url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let mut claims = json!({
        "htm": what.method,
        "htu": url.as_str(),
        "iat": now.secs(),
        "jti": base64url(entropy.bytes::<16>()),
    });
    if let (Some(nonce), Some(members)) = (what.nonce, claims.as_object_mut()) {
        members.insert(String::from("nonce"), json!(nonce)); // RFC 9449 9
    }
    let input = signing_input(&header, &claims);
    let signature = key.sign(input.as_bytes()).map_err(|_| PhoneError::Crypto("request key"))?;
    Ok(compact(input, &signature))
}
