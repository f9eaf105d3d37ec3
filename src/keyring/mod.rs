//! The life of our keys: states, the policy that moves them, and the one function that applies it.
//!
//! Covers publication and rollover of signing keys (`OpenID Connect Core 10.1.1, 10.2.1`). It holds no key
//! material but sealed bytes, generates nothing and signs nothing: a port does.

mod policy;
mod seal_keys;
mod state;
mod sweep;

pub use policy::{KeyPolicy, KeyPolicyError, SHIPPED_POLICY};
pub use seal_keys::{INDEX_KEY, SealKey, SealKeys, seal_keys};
pub use state::{KeyRecord, KeyState, Purpose, UnknownKeyWord};
pub use sweep::{Action, openers, published, signer, standby_ready, sweep};
