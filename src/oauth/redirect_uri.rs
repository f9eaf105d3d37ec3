//! Redirect URIs: which may be registered, and when a requested one is the registered one.
//!
//! <https://www.rfc-editor.org/rfc/rfc9700#section-4.1.3> (exact match),
//! <https://www.rfc-editor.org/rfc/rfc8252#section-7> (native apps: private-use schemes 7.1, loopback 7.3, 8.3),
//! <https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2> (no fragment). Does not fetch or resolve anything.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// Why a redirect URI cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// Longer than 2048 bytes.
    #[error("redirect URI too long")]
    TooLong,
    /// Not an absolute URI, or not in the one form its parser prints (dot segments, upper-case host, default port).
    #[error("redirect URI not in normal form")]
    NotNormal,
    /// A fragment (RFC 6749 3.1.2).
    #[error("redirect URI has a fragment")]
    Fragment,
    /// A user name or password before the host.
    #[error("redirect URI has user information")]
    UserInfo,
    /// No host, or one that ends with a dot.
    #[error("redirect URI has no usable host")]
    Host,
    /// `http` beyond the loopback interface (RFC 9700 2.6, RFC 8252 8.3).
    #[error("http is for the loopback interface only")]
    Http,
    /// A private-use scheme without a dot, or of a client that is not native (RFC 8252 7.1, 8.4).
    #[error("scheme not allowed")]
    Scheme,
    /// The query holds a parameter of our answer.
    #[error("query holds a response parameter")]
    ResponseParameter,
}

/// A redirect URI that may be registered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Judges a redirect URI for registration; `native` is true for a client without authentication.
    ///
    /// # Errors
    /// [`RedirectUriError`].
    pub fn parse(text: &str, native: bool) -> Result<Self, RedirectUriError> {
        if text.len() > MAX_BYTES {
            return Err(RedirectUriError::TooLong);
        }
        let uri = Url::parse(text).map_err(|_| RedirectUriError::NotNormal)?;
        // RFC 6749 3.1.2
        if uri.fragment().is_some() {
            return Err(RedirectUriError::Fragment);
        }
        if !uri.username().is_empty() || uri.password().is_some() || has_at_sign(text) {
            return Err(RedirectUriError::UserInfo);
        }
        // One spelling only, so that what is compared is what a browser will open.
        if !text.is_ascii() || !(uri.as_str() == text || uri.as_str().strip_suffix('/') == Some(text)) {
            return Err(RedirectUriError::NotNormal);
        }
        check_scheme(&uri, native)?;
        if uri.query_pairs().any(|(name, _)| RESPONSE_PARAMETERS.contains(&name.as_ref())) {
            return Err(RedirectUriError::ResponseParameter);
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether `requested` is this URI: byte for byte (RFC 9700 4.1.3), or, for a `native` client and a loopback
    /// IP literal, with any port (RFC 8252 7.3).
    #[must_use]
    pub fn matches(&self, requested: &str, native: bool) -> bool {
        if self.0 == requested {
            return true;
        }
        native && LOOPBACK_ORIGINS.iter().any(|origin| same_but_port(origin, &self.0, requested))
    }

    /// The URI as registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host of an `https` or loopback URI; a private-use scheme has none.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let uri = Url::parse(&self.0).ok()?;
        if matches!(uri.scheme(), "https" | "http") { uri.host_str().map(str::to_owned) } else { None }
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedirectUri({})", self.0)
    }
}

/// Reads any URI some client may register; `Client::validate` judges it for its own client.
impl TryFrom<String> for RedirectUri {
    type Error = RedirectUriError;

    fn try_from(text: String) -> Result<Self, RedirectUriError> {
        Self::parse(&text, true)
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.0
    }
}

fn check_scheme(uri: &Url, native: bool) -> Result<(), RedirectUriError> {
    let host = uri.host_str().unwrap_or_default();
    match uri.scheme() {
        "https" if host.is_empty() || host.ends_with('.') => Err(RedirectUriError::Host),
        "https" => Ok(()),
        // RFC 8252 8.3: `localhost` is not recommended, and allowed when registered that way.
        "http" if matches!(host, "127.0.0.1" | "[::1]" | "localhost") => Ok(()),
        "http" => Err(RedirectUriError::Http),
        // RFC 8252 7.1: a private-use scheme is a reversed domain name.
        private if native && private.contains('.') => Ok(()),
        _ => Err(RedirectUriError::Scheme),
    }
}

// An empty user name (`https://@host`) leaves no trace in the parsed URI.
fn has_at_sign(text: &str) -> bool {
    let authority = text.split_once("//").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}

// RFC 8252 7.3
fn same_but_port(origin: &str, registered: &str, requested: &str) -> bool {
    let registered = registered.strip_prefix(origin).and_then(without_port);
    let requested = requested.strip_prefix(origin).and_then(without_port);
    registered.is_some() && registered == requested
}

// What follows `:port`, or all of it when there is no port; nothing when something else follows the host.
fn without_port(rest: &str) -> Option<&str> {
    let Some(after_colon) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest);
    };
    let end = after_colon.find(['/', '?']).unwrap_or(after_colon.len());
    let (port, tail) = after_colon.split_at_checked(end)?;
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    (digits && port.parse::<u16>().is_ok_and(|port| port > 0)).then_some(tail)
}

const MAX_BYTES: usize = 2048;
const LOOPBACK_ORIGINS: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];
const RESPONSE_PARAMETERS: [&str; 7] =
    ["code", "state", "iss", "error", "error_description", "error_uri", "response"];
