//! Listeners, their TLS, and trusted proxies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::http::Network;

use super::error::refuse_if;
use super::raw::{RawHttp, RawTls};
use super::{ConfigError, Issuer, Limits};

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
            limits: Limits::check(&raw.limits, issuer)?,
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
