//! Identity providers above us: what is agreed with each. Pure; the calls are an adapter's.

mod agreed;
mod preset;
mod provider;

pub use agreed::is_callable;
pub use preset::{Environment, Preset};
pub use provider::{
    AssertionAudience, DEFAULT_TIMEOUT, Encryption, ProviderDraft, ProviderError, ProviderId, UpstreamAuth,
    UpstreamProvider, UserinfoForm,
};
