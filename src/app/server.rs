//! The accept loop: how many connections, how long each may dawdle, and how it all ends.
//!
//! HTTP/1.1 (RFC 9112) and, over TLS, HTTP/2 (RFC 9113) by ALPN. `axum::serve` never closes a connection whose
//! request is only half sent; this one does. Bodies and answers are bounded by the router, not here.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Limits;
use crate::http::{Leaving, Network, Peer};

use super::connection::{self, Ending};
use super::sources::{Entered, Sources};

/// A listener that is bound and does not accept yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    leaving: Leaving,
    proxies: Vec<Network>,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request under way was answered.
    Whole,
    /// The time of draining was over; this many connections were cut.
    Cut(usize),
}

impl Server {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken, not ours, or not allowed.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, tls: None, leaving: Leaving::default(), proxies: Vec::new() })
    }

    /// Speaks TLS on every connection.
    #[must_use]
    pub fn with_tls(self, config: Arc<ServerConfig>) -> Self {
        Self { tls: Some(TlsAcceptor::from(config)), ..self }
    }

    /// Once `leaving` has begun, each connection ends with its next answer, so that its client comes back elsewhere.
    #[must_use]
    pub fn with_leaving(self, leaving: Leaving) -> Self {
        Self { leaving, ..self }
    }

    /// Counts no connections of `proxies`, which carry those of many.
    #[must_use]
    pub fn with_proxies(self, proxies: Vec<Network>) -> Self {
        Self { proxies, ..self }
    }

    /// The address bound.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests with `router` until `stop`, then finishes those under way within `limits.drain`.
    ///
    /// Every request carries its [`Peer`] as an extension.
    pub async fn serve(self, router: Router, limits: Limits, stop: CancellationToken) -> Drained {
        let places = Arc::new(Semaphore::new(limits.max_connections));
        let connections = TaskTracker::new();
        let cut = CancellationToken::new();
        let sources = Sources::new(limits.max_connections_per_source, self.proxies);
        let ending = Ending { leaving: self.leaving, stop: stop.clone(), cut: cut.clone() };
        let shared = Arc::new(Shared { router, limits, tls: self.tls, ending });
        // Without a place nothing is accepted: who comes waits in the operating system.
        while let Some((stream, peer, place)) = next(&self.listener, &places, &stop).await {
            let Some(entered) = sources.enter(peer.0.ip()) else {
                metrics::counter!("sceau_http_shed_total", "class" => "connection").increment(1);
                continue;
            };
            connections.spawn(Arc::clone(&shared).connection(stream, peer, (place, entered)));
        }
        // Closes the listening socket: new connections are refused from here on.
        drop(self.listener);
        connections.close();
        drain(&connections, &cut, limits.drain).await
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({})", self.address)
    }
}

/// What all connections have in common.
struct Shared {
    router: Router,
    limits: Limits,
    tls: Option<TlsAcceptor>,
    ending: Ending,
}

impl Shared {
    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: Peer,
        _place: (OwnedSemaphorePermit, Entered),
    ) {
        let open = metrics::gauge!("sceau_http_connections");
        open.increment(1.0);
        self.speak(stream, peer).await;
        open.decrement(1.0);
    }

    async fn speak(&self, stream: TcpStream, peer: Peer) {
        // Answers are small: waiting to fill a segment would only delay them.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let Some(tls) = &self.tls else {
            return connection::http1(stream, &self.router, peer, &self.limits, &self.ending).await;
        };
        let handshake = tokio::time::timeout(self.limits.handshake_timeout, tls.accept(stream));
        let Some(Ok(Ok(stream))) = self.ending.stop.run_until_cancelled(handshake).await else {
            metrics::counter!("sceau_tls_handshakes_failed_total").increment(1);
            return;
        };
        if stream.get_ref().1.alpn_protocol() == Some(super::tls::H2) {
            connection::http2(stream, &self.router, peer, &self.limits, &self.ending).await;
        } else {
            connection::http1(stream, &self.router, peer, &self.limits, &self.ending).await;
        }
    }
}

/// The next connection with its place; none once the server stops.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let place = stop.run_until_cancelled(Arc::clone(places).acquire_owned()).await?.ok()?;
    loop {
        match stop.run_until_cancelled(listener.accept()).await? {
            Ok((stream, address)) => return Some((stream, Peer(address), place)),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of descriptors or memory: asking again at once would only burn the processor.
                tracing::error!(%error, "no connection can be accepted");
                stop.run_until_cancelled(tokio::time::sleep(BREATH)).await?;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn drain(connections: &TaskTracker, cut: &CancellationToken, patience: Duration) -> Drained {
    if tokio::time::timeout(patience, connections.wait()).await.is_ok() {
        return Drained::Whole;
    }
    let left = connections.len();
    cut.cancel();
    connections.wait().await;
    if left == 0 { Drained::Whole } else { Drained::Cut(left) }
}

const BREATH: Duration = Duration::from_millis(500);
