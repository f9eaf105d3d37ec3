//! Tests of the server over real sockets: what it closes, what it lets wait, how it ends. And of the worker.

mod doctor;
mod last_checkpoint;
mod limits;
mod restore;
mod shutdown;
mod tls;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use rustls::ServerConfig;
use sceau::app::server::{Drained, Server};
use sceau::config::Limits;
use sceau::http::{Leaving, Network, Peer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server under test, and what stops it.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) leaving: Leaving,
    pub(crate) stop: CancellationToken,
    pub(crate) ended: JoinHandle<Drained>,
}

pub(crate) async fn start(limits: Limits, tls: Option<Arc<ServerConfig>>) -> Running {
    start_behind(limits, tls, Vec::new()).await
}

/// The same behind `proxies`.
pub(crate) async fn start_behind(
    limits: Limits,
    tls: Option<Arc<ServerConfig>>,
    proxies: Vec<Network>,
) -> Running {
    let leaving = Leaving::default();
    let mut server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    if let Some(tls) = tls {
        server = server.with_tls(tls);
    }
    let server = server.with_leaving(leaving.clone()).with_proxies(proxies);
    let address = server.local_addr();
    let stop = CancellationToken::new();
    let serving = server.serve(router(), limits, stop.clone());
    #[expect(clippy::disallowed_methods, reason = "awaited at the end of the test")]
    let ended = tokio::spawn(serving);
    Running { address, leaving, stop, ended }
}

impl Running {
    pub(crate) async fn stop(self) -> Drained {
        self.stop.cancel();
        self.ended.await.unwrap()
    }
}

/// Short times, so that a test ends soon.
pub(crate) fn limits() -> Limits {
    Limits {
        header_timeout: Duration::from_millis(300),
        handshake_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(300),
        drain: Duration::from_secs(10),
        ..Limits::default()
    }
}

fn router() -> Router {
    Router::new()
        .route("/", get(|Extension(Peer(peer)): Extension<Peer>| async move { peer.to_string() }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(600)).await;
                "slow"
            }),
        )
}

/// Everything the server says until it closes; none when that takes longer than `patience`.
pub(crate) async fn until_closed(stream: &mut TcpStream, patience: Duration) -> Option<String> {
    let mut text = Vec::new();
    let read = tokio::time::timeout(patience, stream.read_to_end(&mut text)).await.ok()?;
    // A reset is a way of closing.
    let _ = read;
    Some(String::from_utf8(text).unwrap())
}

pub(crate) async fn send(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

pub(crate) const LONG: Duration = Duration::from_secs(10);
