//! Layer 9: the composition root.

pub mod server;
pub mod tls;

mod connection;
