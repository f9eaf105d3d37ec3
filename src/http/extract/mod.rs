//! Extractors: they parse, and never decide.

mod agent;
mod browser;
mod client_credentials;
mod device_proof;
mod identifier;
mod json;
mod network;
mod origin;
mod peer;
mod proof;
mod raw_params;

pub use agent::short_agent;
pub(crate) use browser::{
    accepted_locale, browser_interactions, browser_state, interaction_cookie, known_cookie, session_cookie,
};
pub(crate) use client_credentials::client_credentials;
pub(crate) use device_proof::{DeviceProof, PhoneRequest};
pub(crate) use identifier::Identifier;
pub use json::BodyError;
pub(crate) use json::StrictJson;
pub use network::{Network, NetworkError};
pub(crate) use origin::PeerOrigin;
pub use origin::{Source, client_address};
pub use peer::Peer;
pub(crate) use proof::presented_proof;
pub(crate) use raw_params::{FormParams, QueryParams};
