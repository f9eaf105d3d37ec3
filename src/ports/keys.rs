//! Key records and the signer. A private key never crosses this line.

use async_trait::async_trait;

use super::PortResult;
use crate::audit::AuditEvent;
use crate::keyring::{KeyRecord, Purpose};

/// Store of key records, durable.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Every record, `sealed_private` left out.
    async fn list(&self) -> PortResult<Vec<KeyRecord>>;
    /// Makes a key of `purpose` and `algorithm`, seals its private part and stores it as `record` says (its `kid` and
    /// public part are filled in). False when another replica made one for the same purpose and algorithm since `list`.
    async fn stage(&self, record: &KeyRecord, event: &AuditEvent) -> PortResult<Option<String>>;
    /// Replaces the record of `next.kid` at revision `expected`, and any `demoted` with it, in one transaction; the
    /// private part is destroyed where the state calls for it. False when another replica was faster.
    async fn advance(
        &self,
        expected: u64,
        next: &KeyRecord,
        demoted: Option<&KeyRecord>,
        event: &AuditEvent,
    ) -> PortResult<bool>;
    /// Unsealed symmetric key material (seal, cookie, nonce, pairwise), 32 bytes.
    async fn symmetric(&self, kid: &str, purpose: Purpose) -> PortResult<Option<[u8; 32]>>;
}

/// Signs with a named key (RFC 7515 5.1).
#[async_trait]
pub trait Signer: Send + Sync {
    /// The JWS signature of `input` by the key `kid`. Fails rather than use another key.
    async fn sign(&self, kid: &str, input: &[u8]) -> PortResult<Vec<u8>>;
}
