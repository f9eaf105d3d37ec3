//! Server nonces that keep `DPoP` proofs fresh, without storing any.
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc9449>. Covers 8, 8.1 (authorization server) and 9 (resources). When a proof
//! must carry one is the caller's.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::base::{UnixTime, base64url, from_base64url};
use crate::jose::hmac_sha256;

/// Makes and checks server nonces (RFC 9449 8 and 9): base64url of version, store generation,
/// 30 s bucket and an HMAC of these. Every replica with the same key accepts the nonces of every other.
#[derive(Clone)]
pub struct NonceIssuer {
    key: [u8; 32],
    other_keys: Vec<[u8; 32]>,
    generation: u64,
    class: NonceClass,
}

/// The endpoints a nonce is good for: one of another class is refused (RFC 9449 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NonceClass {
    /// The token endpoint and the other endpoints of the authorization server (8).
    #[default]
    AuthorizationServer,
    /// `UserInfo` and the other protected resources (9).
    Resource,
    /// The interface of the phones.
    Phone,
}

impl NonceClass {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::AuthorizationServer => b"sceau/dpop-nonce/as",
            Self::Resource => b"sceau/dpop-nonce/rs",
            Self::Phone => b"sceau/dpop-nonce/phone",
        }
    }
}

impl NonceIssuer {
    /// An issuer for the authorization server's endpoints. `generation` counts losses of the replay store: nonces of
    /// an older one are refused.
    #[must_use]
    pub const fn new(key: [u8; 32], generation: u64) -> Self {
        Self { key, other_keys: Vec::new(), generation, class: NonceClass::AuthorizationServer }
    }

    /// Accepts nonces made with `key` too, while replicas change keys: the key before, and the one to come.
    #[must_use]
    pub fn with_other_key(mut self, key: [u8; 32]) -> Self {
        self.other_keys.push(key);
        self
    }

    /// The same issuer for another store generation.
    #[must_use]
    pub const fn with_generation(mut self, generation: u64) -> Self {
        self.generation = generation;
        self
    }

    /// The same issuer for another class of endpoints.
    #[must_use]
    pub const fn for_class(mut self, class: NonceClass) -> Self {
        self.class = class;
        self
    }

    /// A nonce good for the rest of this bucket and the next: 30 to 60 s.
    #[must_use]
    pub fn issue(&self, now: UnixTime) -> String {
        base64url(self.nonce(&self.key, bucket(now)))
    }

    /// Whether `nonce` was issued by a holder of the key, for this class and generation, in this bucket or the
    /// previous one.
    #[must_use]
    pub fn check(&self, nonce: &str, now: UnixTime) -> bool {
        let Ok(presented) = from_base64url(nonce) else { return false };
        let current = bucket(now);
        std::iter::once(&self.key)
            .chain(&self.other_keys)
            .flat_map(|key| [self.nonce(key, current), self.nonce(key, current.saturating_sub(1))])
            .any(|expected| presented.ct_eq(&expected).into())
    }

    fn nonce(&self, key: &[u8; 32], bucket: i64) -> Vec<u8> {
        let mut nonce = vec![NONCE_VERSION];
        nonce.extend_from_slice(&self.generation.to_be_bytes());
        nonce.extend_from_slice(&bucket.to_be_bytes());
        let mac = hmac_sha256(key, &[self.class.label(), &nonce]);
        nonce.extend_from_slice(&mac);
        nonce
    }
}

impl fmt::Debug for NonceIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceIssuer")
            .field("generation", &self.generation)
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}

const fn bucket(now: UnixTime) -> i64 {
    now.secs().div_euclid(BUCKET_SECONDS)
}

/// The first byte of a nonce.
const NONCE_VERSION: u8 = 1;
/// Length of a nonce bucket, in seconds.
const BUCKET_SECONDS: i64 = 30;
