//! Where a request comes from, as shown to the person and counted by limits.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::{Network, Peer, short_agent};
use crate::flow::Origin;

/// The origin of a request.
pub(crate) struct PeerOrigin(pub Origin);

impl<S> FromRequestParts<S> for PeerOrigin
where
    Arc<[Network]>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let trusted_proxies = Arc::<[Network]>::from_ref(state);
        let peer =
            parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let address = client_address(peer, &parts.headers, &trusted_proxies);
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self(Origin { address: address.to_string(), agent: short_agent(agent.unwrap_or_default()) }))
    }
}

/// Who counts as one for limits: an IPv4 address; of IPv6 the 64 bits of its network, since whoever has one address has
/// them all (RFC 4291 2.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// An address.
    V4(u32),
    /// A network of 64 bits.
    V6(u64),
}

impl Source {
    /// The source that `address` is of. An IPv4 address in its IPv6 form is the IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6(u64::try_from(address.to_bits() >> 64).unwrap_or_default()),
        }
    }
}

/// The right-most address of `X-Forwarded-For` that no trusted proxy wrote; the peer itself when it is not one
/// (`attacks.md` A-196: what a stranger writes to the left is not believed). An entry that is no address ends the
/// reading at the proxy that passed it on.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or("not text").rsplit(','));
    let mut seen = peer.to_canonical();
    for hop in hops.take(MAX_HOPS) {
        let Some(hop) = address_of(hop.trim()).filter(|_| is_trusted(seen)) else { break };
        seen = hop;
    }
    seen
}

/// An address, with or without a port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    hop.parse().or_else(|_| with_port()).ok().map(|address: IpAddr| address.to_canonical())
}

/// Hops read at most.
const MAX_HOPS: usize = 32;
