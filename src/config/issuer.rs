//! The issuer identifier.
//!
//! `OpenID Connect Discovery 1.0` 3 and RFC 8414 2: an https URL without query or fragment. Here also without
//! a path: every endpoint is below it, and a cookie of the whole host must be ours alone.

use std::fmt;

use url::{Host, Url};

use super::ConfigError;
use super::error::refuse_if;

/// A checked issuer identifier: scheme, host and port, written the one canonical way.
#[derive(Clone, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

impl Issuer {
    pub(super) fn check(text: Option<&str>) -> Result<Self, ConfigError> {
        let Some(text) = text else {
            return Err(ConfigError::refused(ISSUER, "missing: the https address of this server"));
        };
        let url = Url::parse(text).map_err(|_| ConfigError::refused(ISSUER, "not a URL"))?;
        let issuer = Self { text: text.to_owned(), url };
        issuer.check_form()?;
        Ok(issuer)
    }

    /// Byte for byte as in tokens and discovery.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host name, or address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether browsers meet it over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether only this machine can mean it: `localhost`, or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            // RFC 6761 6.3: names below localhost are loopback too.
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Whether the host is a name, as `WebAuthn` needs.
    #[must_use]
    pub fn has_domain(&self) -> bool {
        matches!(self.url.host(), Some(Host::Domain(_)))
    }

    /// The port, when it is not that of the scheme.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.url.port()
    }

    fn check_form(&self) -> Result<(), ConfigError> {
        let url = &self.url;
        refuse_if(!matches!(url.scheme(), "https" | "http"), ISSUER, "must be an https URL")?;
        refuse_if(
            !self.is_https() && !self.is_loopback(),
            ISSUER,
            "must be https: http is for localhost and loopback addresses only",
        )?;
        // Discovery 1.0 3, RFC 8414 2.
        refuse_if(
            url.query().is_some() || url.fragment().is_some(),
            ISSUER,
            "must have no query or fragment",
        )?;
        refuse_if(!url.username().is_empty() || url.password().is_some(), ISSUER, "must have no user name")?;
        refuse_if(self.text.ends_with('/'), ISSUER, "must not end with a slash")?;
        refuse_if(url.path() != "/", ISSUER, "must have no path: scheme, host and port only")?;
        // Relying parties compare it byte for byte: one way to write it.
        refuse_if(
            url.origin().ascii_serialization() != self.text,
            ISSUER,
            "must be written in lower case ASCII, without the scheme's own port and without dot segments",
        )
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.text)
    }
}

const ISSUER: &str = "issuer";
