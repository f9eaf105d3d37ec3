//! The encryption keys that clients publish.

use async_trait::async_trait;

use super::PortResult;
use crate::jose::{EncryptionKey, KeyManagement};

/// The keys at a client's `jwks_uri` (RFC 7591 2), read when they are needed.
#[async_trait]
pub trait ClientKeys: Send + Sync {
    /// The key with which the client that publishes at `jwks_uri` wants its answers encrypted with `alg`.
    ///
    /// `Unavailable` when no good set is known: nothing may then be sent, least of all in clear.
    async fn encryption_key(&self, jwks_uri: &str, alg: KeyManagement) -> PortResult<EncryptionKey>;
}
