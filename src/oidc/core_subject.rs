//! The `sub` a client sees: pairwise, opaque, derived from nothing that identifies.
//!
//! Spec: <https://openid.net/specs/openid-connect-core-1_0.html>. Covers 8.1 (pairwise identifiers). Choosing the
//! sector of a client is registration (`oauth::Client`).

use crate::base::base64url;
use crate::jose::hmac_sha256;

/// The subject identifier of a person for one sector (OpenID Connect Core 8.1): 43 characters, stable for ever.
///
/// `key` is the provider's pairwise key and never rotates; `subject_seed` is the random seed of the person.
#[must_use]
pub fn pairwise_subject(key: &[u8; 32], sector: &str, subject_seed: &[u8; 32]) -> String {
    // The HMAC counts the length of each part in, so that no two pairs of parts meet.
    base64url(hmac_sha256(key, &[sector.as_bytes(), subject_seed]))
}
