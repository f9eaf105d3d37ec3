//! What is read from a request. Extractors parse, never decide.

mod agent;
mod device_proof;
mod identifier;
mod json;
mod origin;
mod peer;

pub use agent::short_agent;
pub use device_proof::{DeviceProof, PhoneRequest};
pub use identifier::Identifier;
pub(crate) use json::MAX_BODY;
pub use json::{BodyError, StrictJson};
pub use origin::{RequestOrigin, TrustedProxies};
pub use peer::Peer;
