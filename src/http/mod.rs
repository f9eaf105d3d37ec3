//! Layer 7: HTTP.

mod extract;

pub use extract::{Network, NetworkError, Peer};
