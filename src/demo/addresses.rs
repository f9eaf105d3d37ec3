//! The four addresses of the demonstration, all of this machine.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use url::Url;

use crate::app::server::Server;

/// Where the four parts are found: origins, without a final slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The provider: its issuer identifier.
    pub issuer: String,
    /// The sample service.
    pub service: String,
    /// The phone in a page.
    pub phone: String,
    /// The simulated FranceConnect.
    pub franceconnect: String,
    /// Port of the service.
    pub service_port: u16,
}

impl Addresses {
    /// The issuer as a URL.
    pub(super) fn issuer_url(&self) -> anyhow::Result<Url> {
        Url::parse(&self.issuer).context("the issuer's address")
    }
}

/// The four listeners, bound and not yet accepting.
pub(super) struct Listeners {
    pub(super) issuer: Server,
    pub(super) service: Server,
    pub(super) phone: Server,
    pub(super) franceconnect: Server,
}

/// Binds `port` and the three that follow it; four free ones when it is 0.
pub(super) async fn bind(port: u16) -> anyhow::Result<(Listeners, Addresses)> {
    let next = |by: u16| match port {
        0 => Ok(0),
        port => port.checked_add(by).context("there are no four ports from this one"),
    };
    let issuer = listen(port).await?;
    let service = listen(next(1)?).await?;
    let phone = listen(next(2)?).await?;
    let franceconnect = listen(next(3)?).await?;
    let addresses = Addresses {
        issuer: origin(&issuer),
        service: origin(&service),
        phone: origin(&phone),
        franceconnect: origin(&franceconnect),
        service_port: service.local_addr().port(),
    };
    Ok((Listeners { issuer, service, phone, franceconnect }, addresses))
}

async fn listen(port: u16) -> anyhow::Result<Server> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Server::bind(address)
        .await
        .with_context(|| format!("port {port} of this machine cannot be used; choose others with --port"))
}

/// `localhost`, not an address: a relying party id is a domain (Web Authentication 5.1.2).
fn origin(server: &Server) -> String {
    format!("http://localhost:{}", server.local_addr().port())
}
