//! Key records, the signer and the decrypter. A private key never crosses this line.

use async_trait::async_trait;

use super::{PortError, PortResult};
use crate::audit::AuditEvent;
use crate::base::Secret;
use crate::jose::{JweError, KeyManagement};
use crate::keyring::{KeyRecord, Purpose, Withdrawal};

/// What became of a private or symmetric key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivatePart {
    /// Kept, and it opens: of an asymmetric key, it is the one of the public part.
    Whole,
    /// Destroyed, or never here.
    Absent,
    /// Kept, and it does not open: another key-encryption key, or a changed row.
    Sealed,
    /// It opens, and belongs to another public part.
    Another,
}

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
    /// Withdraws a key, tells every replica by a cut-off to refuse what it signed, and puts its successor in use, with
    /// `events`, in one transaction. False, and nothing done, when a record changed since it was read.
    async fn revoke(&self, withdrawal: &Withdrawal, events: &[AuditEvent]) -> PortResult<bool>;
    /// Opens the private part of a key and compares it with the public one.
    async fn inspect(&self, kid: &str) -> PortResult<PrivatePart>;
    /// Unsealed symmetric key material (seal, cookie, nonce, pairwise), 32 bytes.
    async fn symmetric(&self, kid: &str, purpose: Purpose) -> PortResult<Option<[u8; 32]>>;
}

/// Signs with a named key (RFC 7515 5.1).
#[async_trait]
pub trait Signer: Send + Sync {
    /// The JWS signature of `input` by the key `kid`. Fails rather than use another key.
    async fn sign(&self, kid: &str, input: &[u8]) -> PortResult<Vec<u8>>;
    /// Whether each signature is to be verified before it is sent: so it is where a device of its own makes them.
    fn is_remote(&self) -> bool {
        false
    }
}

/// Why an encrypted token was not opened.
#[derive(Debug, thiserror::Error)]
pub enum DecryptError {
    /// The token is at fault.
    #[error(transparent)]
    Token(#[from] JweError),
    /// Its key management is not among those the caller accepts.
    #[error("key management is not allowed here")]
    NotAllowed,
    /// It holds something else than a token (RFC 7519 5.2).
    #[error("no token inside")]
    NotNested,
    /// No key of ours has that name, or it is no longer used.
    #[error("encrypted to a key that is not ours")]
    UnknownKey,
    /// The keys cannot be read.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Opens tokens encrypted to our published keys (RFC 7516 5.2).
#[async_trait]
pub trait Decrypter: Send + Sync {
    /// The token nested in `jwe`, of at most `max_bytes`, which was encrypted with one of `allowed`.
    async fn decrypt(
        &self,
        jwe: &str,
        allowed: &[KeyManagement],
        max_bytes: usize,
    ) -> Result<Secret, DecryptError>;
}
