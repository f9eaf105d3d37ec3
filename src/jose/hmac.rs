//! HMAC-SHA-256 over framed parts (RFC 2104, FIPS 198-1).

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;

/// HMAC-SHA-256 of `parts`, each preceded by its length in bytes as a 64-bit big-endian integer, so that
/// no two lists of parts give the same input (RFC 2104 2).
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    HashKey::new(key).hash(parts)
}

/// A key that is used again and again.
pub(super) struct HashKey(hmac::Key);

impl HashKey {
    pub(super) fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// [`hmac_sha256`] under this key.
    pub(super) fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&length(part));
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

/// Whether `tag` is [`hmac_sha256`] of `parts`, compared in constant time.
#[must_use]
pub fn verify_hmac_sha256(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    hmac_sha256(key, parts).as_slice().ct_eq(tag).into()
}

/// The length of `part` in bytes, as eight big-endian bytes.
pub(super) fn length(part: &[u8]) -> [u8; 8] {
    u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes()
}
