//! Where a request comes from: the address of the browser or phone, and its agent.
//!
//! `X-Forwarded-For` is a list that every hop appends to; only what a trusted proxy appended is believed
//! (`A-196`). Reading goes from the right and stops at the first hop that is not a trusted proxy.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};

use super::{Network, Peer, short_agent};
use crate::flow::Origin;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Hops read at most.
const MAX_HOPS: usize = 32;

/// The proxies in front of this server.
#[derive(Clone, Debug)]
pub struct TrustedProxies(Arc<[Network]>);

impl TrustedProxies {
    /// These networks and no other.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks.into())
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The address a request comes from: the right-most that is not one of these. An entry that is no address ends
    /// the reading at the proxy that passed it on.
    #[must_use]
    pub fn source(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut source = peer.to_canonical();
        let lines: Vec<&str> =
            headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or("?")).collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        for hop in hops.take(MAX_HOPS) {
            let Some(hop) = address_of(hop.trim()).filter(|_| self.contains(source)) else { break };
            source = hop;
        }
        source
    }
}

/// An address, with or without a port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    hop.parse().or_else(|_| with_port()).ok().map(|address: IpAddr| address.to_canonical())
}

/// The [`Origin`] of a request. Without a [`Peer`] all requests share one source.
pub struct RequestOrigin(pub Origin);

impl<S> FromRequestParts<S> for RequestOrigin
where
    S: Send + Sync,
    TrustedProxies: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>();
        let source = peer.map(|peer| TrustedProxies::from_ref(state).source(peer.0.ip(), &parts.headers));
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self(Origin {
            address: source.map_or_else(|| String::from("-"), |source| source.to_string()),
            agent: short_agent(agent.unwrap_or_default()),
        }))
    }
}
