//! How what a client is answered is signed and encrypted: its registered metadata, and where its keys may be.
//!
//! <https://openid.net/specs/openid-connect-registration-1_0.html> 2 and RFC 7591 2 (`jwks_uri`). The addresses are
//! judged here before they are kept, and by the adapter again each time it reads them. Does not encrypt anything.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::jose::{Algorithm, KeyManagement};

/// How the content of an encrypted answer is encrypted (RFC 7518 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentEncryption {
    /// AES-GCM with a key of 256 bits (RFC 7518 5.3).
    #[serde(rename = "A256GCM")]
    A256Gcm,
}

impl ContentEncryption {
    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A256Gcm => "A256GCM",
        }
    }
}

/// The algorithms of a client's answers (OpenID Connect Registration 2), and where its keys are. By default an ID token
/// is signed and `UserInfo` is plain JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseProtection {
    /// Where its encryption keys are published (RFC 7591 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Key management of its ID tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_alg: Option<KeyManagement>,
    /// Content encryption of its ID tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_enc: Option<ContentEncryption>,
    /// Signature of its `UserInfo` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// Key management of its `UserInfo` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_alg: Option<KeyManagement>,
    /// Content encryption of its `UserInfo` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_enc: Option<ContentEncryption>,
}

/// Why these metadata are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponsesError {
    /// Encryption without an address of keys, or the reverse.
    #[error("jwks_uri and the encryption of answers disagree")]
    Keys,
    /// The address of keys is no acceptable one.
    #[error("unusable jwks_uri")]
    Address,
    /// A key management without content encryption, or the reverse (OpenID Connect Registration 2).
    #[error("encryption alg and enc disagree")]
    Encryption,
    /// Another algorithm than ES256, or encryption of what is not signed.
    #[error("userinfo_signed_response_alg not supported")]
    UserinfoSignature,
    /// The profile needs ID tokens and `UserInfo` signed, then encrypted.
    #[error("the profile needs encrypted answers")]
    Required,
}

impl ResponseProtection {
    /// Everything signed with ES256, then encrypted with `alg` to the keys at `jwks_uri`.
    #[must_use]
    pub fn encrypted(jwks_uri: String, alg: KeyManagement) -> Self {
        Self {
            jwks_uri: Some(jwks_uri),
            id_token_encrypted_response_alg: Some(alg),
            id_token_encrypted_response_enc: Some(ContentEncryption::A256Gcm),
            userinfo_signed_response_alg: Some(Algorithm::Es256),
            userinfo_encrypted_response_alg: Some(alg),
            userinfo_encrypted_response_enc: Some(ContentEncryption::A256Gcm),
        }
    }

    /// Whether ID token and `UserInfo` are both signed and encrypted.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.id_token_encrypted_response_alg.is_some() && self.userinfo_encrypted_response_alg.is_some()
    }

    /// Judges the members together (OpenID Connect Registration 2).
    ///
    /// # Errors
    /// The first [`ResponsesError`].
    pub fn validate(&self) -> Result<(), ResponsesError> {
        let id_token = self.id_token_encrypted_response_alg.is_some();
        let userinfo = self.userinfo_encrypted_response_alg.is_some();
        let agree = id_token == self.id_token_encrypted_response_enc.is_some()
            && userinfo == self.userinfo_encrypted_response_enc.is_some();
        if !agree {
            return Err(ResponsesError::Encryption);
        }
        if self.userinfo_signed_response_alg.is_some_and(|alg| alg != Algorithm::Es256)
            || (userinfo && self.userinfo_signed_response_alg.is_none())
        {
            return Err(ResponsesError::UserinfoSignature);
        }
        if (id_token || userinfo) != self.jwks_uri.is_some() {
            return Err(ResponsesError::Keys);
        }
        match &self.jwks_uri {
            // Whether this installation is on one machine is its own to say: `key_address` again, when it is read.
            Some(uri) if key_address(uri, true).is_none() => Err(ResponsesError::Address),
            _ => Ok(()),
        }
    }
}

/// The address of a key set that may be called: `https` to a public host; with `loopback`, when the provider itself is
/// on this machine only, also its own addresses, in `http` too. None for anything else.
#[must_use]
pub fn key_address(uri: &str, loopback: bool) -> Option<Url> {
    let url = Url::parse(uri).ok().filter(|_| uri.len() <= MAX_URI && uri.is_ascii())?;
    let here = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => IpAddr::V4(address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(address).to_canonical().is_loopback(),
    };
    let public = match url.host()? {
        // A final dot would make another name of the same host.
        Host::Domain(name) => !here && name.contains('.') && !name.ends_with('.'),
        Host::Ipv4(address) => is_public(IpAddr::V4(address)),
        Host::Ipv6(address) => is_public(IpAddr::V6(address)),
    };
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && here);
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (scheme && plain && (public || (here && loopback))).then_some(url)
}

/// Whether `uri` is of this machine only.
#[must_use]
pub fn is_loopback(uri: &str) -> bool {
    key_address(uri, true).is_some() && key_address(uri, false).is_none()
}

/// Whether `address` is one of the public internet (IANA special-purpose registries, RFC 6890 2.2).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => public_v4(address),
        IpAddr::V6(address) => public_v6(address),
    }
}

fn public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (b & 0xc0) == 64; // RFC 6598
    let protocol = a == 192 && b == 0 && c == 0; // RFC 6890
    let benchmark = a == 198 && (b & 0xfe) == 18; // RFC 2544
    !(a == 0
        || a >= 224
        || shared
        || protocol
        || benchmark
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

/// Global unicast (RFC 4291 2.4) without what wraps an IPv4 address or is for documents.
fn public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let teredo = a == 0x2001 && b == 0; // RFC 4380
    let documents = (a == 0x2001 && b == 0xdb8) || a == 0x3fff; // RFC 3849, RFC 9637
    let six_to_four = a == 0x2002; // RFC 3056
    (a & 0xe000) == 0x2000 && !teredo && !documents && !six_to_four
}

const MAX_URI: usize = 2048;
