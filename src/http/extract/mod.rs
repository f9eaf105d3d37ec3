//! Extractors: they parse, and never decide.

mod browser;
mod client_credentials;
mod network;
mod origin;
mod peer;
mod proof;
mod raw_params;

pub(crate) use browser::{browser_state, interaction_cookie, session_cookie};
pub(crate) use client_credentials::client_credentials;
pub use network::{Network, NetworkError};
pub(crate) use origin::PeerOrigin;
pub use peer::Peer;
pub(crate) use proof::presented_proof;
pub(crate) use raw_params::{FormParams, QueryParams};
