//! Sealing of values kept in stores: AES-256-GCM (NIST SP 800-38D) under HKDF-SHA-256 (RFC 5869).
//!
//! A sealed value is `1 ‖ key id (u32 BE) ‖ salt (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. Its key is derived from
//! the master, the salt and the kind of value; its place and what lies in clear beside it are authenticated with it,
//! so that a value moved, or put beside another state, does not open. Going back to an older value of the same
//! place is not detected here.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

use super::hmac::{HashKey, length};
use crate::base::{Entropy, EntropyExt as _};

const VERSION: u8 = 1;
const SALT: usize = 16;
const NONCE: usize = 12;

/// Why a sealed value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Too short to be a sealed value.
    #[error("malformed sealed value")]
    Malformed,
    /// Sealed by a format this program does not know.
    #[error("sealed value of unknown version")]
    UnknownVersion,
    /// Sealed under a master key this program does not hold.
    #[error("sealed value of unknown key")]
    UnknownKey,
    /// Altered, or opened in another context than it was sealed for.
    #[error("sealed value refused")]
    Refused,
}

/// What a sealed value is bound to. All of it is authenticated and none of it is stored in the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// Kind of value: the table and field, or the kind of the store. Separates keys.
    pub kind: &'a str,
    /// Key of the record.
    pub name: &'a [u8],
    /// Bytes stored in clear beside the value: version, state, deadline.
    pub clear: &'a [u8],
}

/// Seals under one master key, opens under it and earlier ones, and hashes under the first it was made with.
///
/// Clones share their keys: what one learns, all know.
#[derive(Clone)]
pub struct Sealer {
    /// Of keyed hashes; never replaced, since a hash is looked up and cannot be made again from what is stored.
    index: Arc<Slot>,
    /// Keys of hashes by their use, each derived once: uses are few, and fixed.
    hashing: Arc<RwLock<HashMap<&'static str, Arc<HashKey>>>>,
    ring: Arc<RwLock<Ring>>,
}

#[derive(Clone)]
struct Ring {
    current: Arc<Slot>,
    /// Open, and seal nothing.
    others: Vec<Arc<Slot>>,
}

struct Slot {
    id: u32,
    master: Zeroizing<[u8; 32]>,
}

impl Slot {
    fn new(id: u32, master: &[u8; 32]) -> Arc<Self> {
        Arc::new(Self { id, master: Zeroizing::new(*master) })
    }
}

impl Ring {
    fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

impl Sealer {
    /// A sealer under the 32 random bytes of `master`, named `key_id` in the values.
    #[must_use]
    pub fn new(key_id: u32, master: &[u8; 32]) -> Self {
        let index = Slot::new(key_id, master);
        let ring = Ring { current: Arc::clone(&index), others: Vec::new() };
        Self { index, hashing: Arc::default(), ring: Arc::new(RwLock::new(ring)) }
    }

    /// The same, apart from its clones, able to open values sealed under an earlier master. Nothing is sealed or
    /// hashed under it. Several masters may have one identifier: each is tried, the one held first before the others.
    #[must_use]
    pub fn with_previous(self, key_id: u32, master: &[u8; 32]) -> Self {
        let mut ring = self.ring();
        ring.others.push(Slot::new(key_id, master));
        Self { ring: Arc::new(RwLock::new(ring)), ..self }
    }

    /// Opens from now on also what was sealed under `master`, unless a key of this identifier is held already.
    pub fn learn(&self, key_id: u32, master: &[u8; 32]) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if ring.slots().all(|slot| slot.id != key_id) {
            ring.others.push(Slot::new(key_id, master));
        }
    }

    /// Seals from now on under the key `key_id`; false, and no change, when it is not held.
    #[must_use]
    pub fn seal_under(&self, key_id: u32) -> bool {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let Some(next) = ring.slots().find(|slot| slot.id == key_id).cloned() else { return false };
        let before = std::mem::replace(&mut ring.current, Arc::clone(&next));
        ring.others.retain(|slot| !Arc::ptr_eq(slot, &next));
        if !Arc::ptr_eq(&before, &next) {
            ring.others.push(before);
        }
        true
    }

    /// Whether a key of this identifier is held.
    #[must_use]
    pub fn knows(&self, key_id: u32) -> bool {
        self.ring().slots().any(|slot| slot.id == key_id)
    }

    /// The identifier of the key that seals.
    #[must_use]
    pub fn current_id(&self) -> u32 {
        self.ring().current.id
    }

    /// The identifier of the key that a value names; none when it is not shaped like a sealed value.
    #[must_use]
    pub fn key_id(sealed: &[u8]) -> Option<u32> {
        let (version, rest) = sealed.split_first()?;
        let (id, _) = rest.split_first_chunk::<4>()?;
        (*version == VERSION).then(|| u32::from_be_bytes(*id))
    }

    /// What values sealed under the current key begin with.
    #[must_use]
    pub fn current_prefix(&self) -> [u8; 5] {
        let [a, b, c, d] = self.current_id().to_be_bytes();
        [VERSION, a, b, c, d]
    }

    fn ring(&self) -> Ring {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Seals `plaintext` for `context` under the current master.
    ///
    /// # Panics
    /// Beyond the 64 GiB that AES-GCM can seal at once (SP 800-38D 5.2.1.1).
    #[must_use]
    #[expect(clippy::expect_used, reason = "AES-GCM fails only beyond 64 GiB, HKDF only beyond 8160 bytes")]
    pub fn seal(&self, entropy: &dyn Entropy, context: &SealContext<'_>, plaintext: &[u8]) -> Vec<u8> {
        let salt: [u8; SALT] = entropy.bytes();
        let nonce: [u8; NONCE] = entropy.bytes();
        let current = self.ring().current;
        let id = current.id.to_be_bytes();
        let mut body = plaintext.to_vec();
        current
            .key(&salt, context.kind)
            .and_then(|key| {
                let aad = Aad::from(context.authenticated(id));
                key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            })
            .expect("a value that fits in memory");
        [[VERSION].as_slice(), &id, &salt, &nonce, &body].concat()
    }

    /// Opens what [`Sealer::seal`] made for the same context.
    ///
    /// # Errors
    /// [`SealError`]; a wrong context and an altered value look the same.
    pub fn open(&self, context: &SealContext<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::Malformed)?;
        if *version != VERSION {
            return Err(SealError::UnknownVersion);
        }
        let (id, rest) = rest.split_first_chunk::<4>().ok_or(SealError::Malformed)?;
        let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(SealError::Malformed)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE>().ok_or(SealError::Malformed)?;
        let named = u32::from_be_bytes(*id);
        let mut refused = SealError::UnknownKey;
        for slot in self.ring().slots().filter(|slot| slot.id == named) {
            match slot.open(context, (id, salt, nonce), body) {
                Ok(opened) => return Ok(opened),
                Err(Unspecified) => refused = SealError::Refused,
            }
        }
        Err(refused)
    }

    /// A keyed hash of `parts` for the use that `label` names: a blind index, a subject. HMAC-SHA-256 over the
    /// parts, each preceded by its length, under HKDF(master, "mac/" + label).
    ///
    /// Only the master given to [`Sealer::new`] takes part, whichever key seals: changing it changes every hash.
    ///
    /// # Panics
    /// Never: the derived key is far shorter than HKDF can give (RFC 5869 2.3).
    #[must_use]
    pub fn mac(&self, label: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        let known = self.hashing.read().unwrap_or_else(PoisonError::into_inner).get(label).cloned();
        let key = known.unwrap_or_else(|| {
            let key = Arc::new(self.index.hash_key(label));
            let mut keys = self.hashing.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(keys.entry(label).or_insert(key))
        });
        key.hash(parts)
    }
}

impl Slot {
    #[expect(clippy::expect_used, reason = "HKDF fails only beyond 8160 bytes")]
    fn hash_key(&self, label: &str) -> HashKey {
        let mut key = Zeroizing::new([0; 32]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
            .extract(self.master.as_slice())
            .expand(&[b"mac/", label.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut_slice()))
            .expect("32 bytes");
        HashKey::new(key.as_slice())
    }

    fn key(&self, salt: &[u8; SALT], kind: &str) -> Result<LessSafeKey, Unspecified> {
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
            .extract(self.master.as_slice())
            .expand(&[b"seal/", kind.as_bytes()], &AES_256_GCM)
            .map(|okm| LessSafeKey::new(UnboundKey::from(okm)))
    }

    fn open(
        &self,
        context: &SealContext<'_>,
        (id, salt, nonce): (&[u8; 4], &[u8; SALT], &[u8; NONCE]),
        body: &[u8],
    ) -> Result<Vec<u8>, Unspecified> {
        let key = self.key(salt, context.kind)?;
        let mut buffer = body.to_vec();
        let aad = Aad::from(context.authenticated(*id));
        let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut buffer)?.len();
        buffer.truncate(opened);
        Ok(buffer)
    }
}

impl SealContext<'_> {
    /// Version, key id, then each part after its length: no two contexts share these bytes.
    fn authenticated(&self, key_id: [u8; 4]) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(key_id);
        for part in [self.kind.as_bytes(), self.name, self.clear] {
            bytes.extend(length(part));
            bytes.extend(part);
        }
        bytes
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({}, [redacted])", self.current_id())
    }
}
