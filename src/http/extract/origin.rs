//! Where a request comes from, as shown to the person and counted by limits.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::{Network, Peer};
use crate::flow::Origin;
use crate::http::state::AppState;

/// The origin of a request.
pub(crate) struct PeerOrigin(pub Origin);

impl<S> FromRequestParts<S> for PeerOrigin
where
    AppState: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let state = AppState::from_ref(state);
        let peer =
            parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let address = client_address(peer, &parts.headers, &state.trusted_proxies);
        Ok(Self(Origin { address: address.to_string(), agent: agent(&parts.headers) }))
    }
}

/// The right-most address of `X-Forwarded-For` that no trusted proxy wrote; the peer itself when it is not one
/// (`attacks.md` A-196: what a stranger writes to the left is not believed).
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let hops = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<Option<IpAddr>> =
        hops.flat_map(|value| value.split(',')).map(|hop| hop.trim().parse().ok()).collect();
    let mut seen = peer;
    for hop in hops.into_iter().rev() {
        let Some(hop) = hop else { return seen };
        seen = hop;
        if !is_trusted(hop) {
            return hop;
        }
    }
    seen
}

/// Browser and system in a few words, for the person to recognise. Known words only: nothing of the header is copied.
fn agent(headers: &HeaderMap) -> String {
    let sent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let first = |table: &[(&str, &'static str)]| {
        table.iter().find(|(mark, _)| sent.contains(mark)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::from("?"),
    }
}
