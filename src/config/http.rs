//! Listeners, trusted proxies, and what one connection may cost.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::http::Network;

use super::error::refuse_if;
use super::raw::{RawHttp, RawLimits, RawTls};
use super::{ConfigError, Issuer, duration};

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct Http {
    /// Protocol endpoints and pages.
    pub listen: SocketAddr,
    /// Health and metrics.
    pub admin_listen: SocketAddr,
    /// TLS of `listen`; none behind a proxy that ends it.
    pub tls: Option<TlsFiles>,
    /// Proxies whose `Forwarded` headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// Limits of `listen`.
    pub limits: Limits,
}

/// A certificate chain and its key, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Chain, own certificate first.
    pub cert_file: PathBuf,
    /// Private key.
    pub key_file: PathBuf,
}

/// What clients may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more wait in the operating system.
    pub max_connections: usize,
    /// From the first wait for a request to the end of its headers; so also the longest idle HTTP/1.1 connection.
    pub header_timeout: Duration,
    /// From accepting to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// From the end of the headers to the answer.
    pub request_timeout: Duration,
    /// A connection without any request under way.
    pub idle_timeout: Duration,
    /// Bytes of a request body.
    pub max_body: usize,
    /// How long requests under way may take once the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            header_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            max_body: 64 * 1024,
            drain: Duration::from_secs(20),
        }
    }
}

impl Http {
    pub(super) fn check(raw: &RawHttp, issuer: &Issuer) -> Result<Self, ConfigError> {
        let listen = address("http.listen", raw.listen.as_deref(), usual_listen(issuer))?;
        let admin = address("http.admin_listen", raw.admin_listen.as_deref(), USUAL_ADMIN)?;
        refuse_if(
            overlap(listen, admin),
            "http.admin_listen",
            "is the address of http.listen: metrics must not be reachable where people sign in",
        )?;
        Ok(Self {
            listen,
            admin_listen: admin,
            tls: raw.tls.as_ref().map(|tls| TlsFiles::check(tls, issuer)).transpose()?,
            trusted_proxies: raw
                .trusted_proxies
                .iter()
                .map(|text| network(text))
                .collect::<Result<_, _>>()?,
            limits: Limits::check(&raw.limits)?,
        })
    }
}

impl TlsFiles {
    fn check(raw: &RawTls, issuer: &Issuer) -> Result<Self, ConfigError> {
        refuse_if(
            !issuer.is_https(),
            "http.tls",
            "the issuer is http: drop this section, or use an https issuer",
        )?;
        let missing = |setting| ConfigError::refused(setting, "missing: TLS needs cert_file and key_file");
        Ok(Self {
            cert_file: raw.cert_file.clone().ok_or_else(|| missing("http.tls.cert_file"))?,
            key_file: raw.key_file.clone().ok_or_else(|| missing("http.tls.key_file"))?,
        })
    }
}

impl Limits {
    fn check(raw: &RawLimits) -> Result<Self, ConfigError> {
        let usual = Self::default();
        let time = |setting, text: &Option<String>, usual| {
            let time = duration::read(setting, text.as_deref(), usual)?;
            refuse_if(time.is_zero(), setting, "must be longer than zero")?;
            refuse_if(time > LONGEST_WAIT, setting, "must be at most 10m")?;
            Ok::<_, ConfigError>(time)
        };
        Ok(Self {
            max_connections: count(
                "http.limits.max_connections",
                raw.max_connections,
                usual.max_connections,
            )?,
            header_timeout: time("http.limits.header_timeout", &raw.header_timeout, usual.header_timeout)?,
            handshake_timeout: time(
                "http.limits.handshake_timeout",
                &raw.handshake_timeout,
                usual.handshake_timeout,
            )?,
            request_timeout: time(
                "http.limits.request_timeout",
                &raw.request_timeout,
                usual.request_timeout,
            )?,
            idle_timeout: time("http.limits.idle_timeout", &raw.idle_timeout, usual.idle_timeout)?,
            max_body: body(raw.max_body, usual.max_body)?,
            drain: time("http.limits.drain", &raw.drain, usual.drain)?,
        })
    }
}

fn count(setting: &'static str, given: Option<u32>, usual: usize) -> Result<usize, ConfigError> {
    let count = given.map_or(Ok(usual), usize::try_from);
    let count = count.map_err(|_| ConfigError::refused(setting, "too many"))?;
    refuse_if(count == 0, setting, "must be at least 1")?;
    // The most permits one semaphore can hold is far above; file descriptors end long before.
    refuse_if(count > 1_000_000, setting, "must be at most 1000000")?;
    Ok(count)
}

fn body(given: Option<u32>, usual: usize) -> Result<usize, ConfigError> {
    let bytes = count("http.limits.max_body", given, usual)?;
    refuse_if(
        bytes < SMALLEST_BODY,
        "http.limits.max_body",
        "must be at least 16384: an attestation would not fit",
    )?;
    Ok(bytes)
}

fn address(setting: &'static str, text: Option<&str>, usual: SocketAddr) -> Result<SocketAddr, ConfigError> {
    let Some(text) = text else { return Ok(usual) };
    text.parse()
        .map_err(|_| ConfigError::refused(setting, "an IP address and a port, such as 127.0.0.1:8443"))
}

/// An http issuer on loopback is met directly, so it says the port.
fn usual_listen(issuer: &Issuer) -> SocketAddr {
    let port = if issuer.is_https() { 8443 } else { issuer.port().unwrap_or(8080) };
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let all = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (all || one.ip() == other.ip())
}

fn network(text: &str) -> Result<Network, ConfigError> {
    let setting = "http.trusted_proxies";
    let network: Network = text.parse().map_err(|_| {
        ConfigError::refused(setting, "an IP address or a network without host bits, such as 10.0.0.0/8")
    })?;
    refuse_if(network.prefix() == 0, setting, "would believe everybody: name the proxies")?;
    Ok(network)
}

const USUAL_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);
const LONGEST_WAIT: Duration = Duration::from_mins(10);
const SMALLEST_BODY: usize = 16 * 1024;
