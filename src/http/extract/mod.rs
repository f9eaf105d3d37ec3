//! What is read from a request. Extractors parse, never decide.

mod network;
mod peer;

pub use network::{Network, NetworkError};
pub use peer::Peer;
