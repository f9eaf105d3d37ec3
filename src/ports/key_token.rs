//! A hardware token that makes private signing keys and never gives them away (PKCS #11 v2.40).

use async_trait::async_trait;

use super::PortResult;
use crate::jose::{Algorithm, Jwk};

/// A token, by whatever interface. Its failures are [`Unavailable`](super::PortError::Unavailable): nothing else
/// signs in its place.
#[async_trait]
pub trait KeyToken: Send + Sync {
    /// Makes a key pair for `algorithm` and names it by the thumbprint of its public half (RFC 7638), which is given.
    async fn generate(&self, algorithm: Algorithm) -> PortResult<Jwk>;
    /// The JWS signature of `input` (RFC 7515 5.1) by the key `kid`, in the form of RFC 7518 3.4 for ES256.
    /// [`Corrupt`](super::PortError::Corrupt) when the token holds no such key.
    async fn sign(&self, kid: &str, algorithm: Algorithm, input: &[u8]) -> PortResult<Vec<u8>>;
    /// Destroys the key `kid`; nothing happens when there is none.
    async fn destroy(&self, kid: &str) -> PortResult<()>;
    /// The names of the keys on the token.
    async fn held(&self) -> PortResult<Vec<String>>;
}
