//! Who is at the other end of the connection.

use std::net::SocketAddr;

/// The address a connection comes from: that of a proxy, where there is one. In the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);
