//! The life of our keys: states, the policy that moves them, and the one function that applies it.
//!
//! Covers publication and rollover of signing keys (`OpenID Connect Core 10.1.1, 10.2.1`). It holds no key
//! material but sealed bytes, generates nothing and signs nothing: a port does.

mod findings;
mod officer;
mod policy;
mod seal_keys;
mod state;
mod sweep;
mod timeline;
mod view;

pub use findings::{Finding, Severity, findings};
pub use officer::{
    KeyRefusal, Takeover, Withdrawal, activation, planned_standby, retirement, staging, withdrawal,
};
pub use policy::{KeyPolicy, KeyPolicyError, SHIPPED_POLICY};
pub use seal_keys::{INDEX_KEY, SealKey, SealKeys, seal_keys};
pub use state::{Custody, KeyRecord, KeyState, Purpose, UnknownKeyWord};
pub use sweep::{Action, openers, published, signer, standby_ready, sweep};
pub use timeline::{Step, timeline};
pub use view::{NoSigner, View, known_from};
