//! Encrypted tokens in compact form (RFC 7516 3.1, 4, 5, 7.1, 11.5; RFC 7518 4.3, 4.6, 5.3; RFC 7519 5.2).
//!
//! Only the compact serialization, only A256GCM, and key management as in [`super::KeyManagement`]. Compression (`zip`),
//! header extensions (`crit`) and keys by reference or certificate are refused by name. Whatever goes wrong once a
//! private key is used has one answer, [`JweError::Undecryptable`].

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::encryption_key::{DecryptionKey, EncryptionKey};
use super::jwe_header::parse_header;
use super::rfc7518_key_agreement::{PartyInfo, agree, concat_kdf};
use super::{JweHeader, Jwk, JwkError, P256Key, PublicKey, StrictJsonError};
use crate::base::{Entropy, EntropyExt as _, base64url, from_base64url};

/// The one content encryption (RFC 7518 5.3).
pub(super) const A256GCM: &str = "A256GCM";
/// Bytes of the encoded header.
const MAX_HEADER: usize = 4 * 1024;
const NONCE: usize = 12;
const TAG: usize = 16;

/// Why a token is refused, or cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JweError {
    /// Longer than the caller accepts, or with a header beyond 4 KiB.
    #[error("encrypted token too long")]
    TooLong,
    /// Not five segments of unpadded base64url (RFC 7516 7.1).
    #[error("not a compact encrypted token")]
    NotCompact,
    /// The header is not the JSON it should be.
    #[error("encrypted token header: {0}")]
    HeaderJson(StrictJsonError),
    /// This header member is absent or of the wrong type.
    #[error("malformed encrypted token header {0}")]
    Header(&'static str),
    /// This header member is not accepted.
    #[error("encrypted token header {0} is not accepted")]
    Forbidden(&'static str),
    /// `RSA1_5`, `dir` or another key management that is not supported.
    #[error("key management is not supported")]
    UnknownAlgorithm,
    /// Content encryption other than A256GCM.
    #[error("content encryption is not supported")]
    UnknownEncryption,
    /// The ephemeral key is refused: no point of the curve, another curve, private.
    #[error("ephemeral key: {0}")]
    EphemeralKey(JwkError),
    /// The key is not for this key management (RFC 8725 3.1).
    #[error("key management does not suit the key")]
    AlgorithmNotAllowed,
    /// It does not decrypt: wrong key, altered, or of wrong sizes; which of them is not said (RFC 7516 11.5).
    #[error("encrypted token does not decrypt")]
    Undecryptable,
    /// The cryptographic library could not encrypt.
    #[error("encryption failed")]
    Failed,
}

/// A compact encrypted token (RFC 7516 7.1) that was not decrypted yet.
#[derive(Clone, Debug)]
pub struct CompactJwe {
    header: JweHeader,
    protected: String,
    encrypted_key: Vec<u8>,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

impl CompactJwe {
    /// Whether `token` has the five segments of an encrypted token, and not the three of a signed one (RFC 7516 9).
    #[must_use]
    pub fn is_shaped(token: &str) -> bool {
        token.bytes().filter(|byte| *byte == b'.').count() == 4
    }

    /// Reads `token`, of at most `max_bytes`, without decrypting it (RFC 7516 5.2 steps 1 to 5).
    ///
    /// # Errors
    /// [`JweError`] for its form or its header.
    pub fn parse(token: &str, max_bytes: usize) -> Result<Self, JweError> {
        if token.len() > max_bytes {
            return Err(JweError::TooLong);
        }
        let segments: Vec<&str> = token.splitn(6, '.').collect();
        let &[protected, encrypted_key, iv, ciphertext, tag] = segments.as_slice() else {
            return Err(JweError::NotCompact);
        };
        if protected.len() > MAX_HEADER {
            return Err(JweError::TooLong);
        }
        if [protected, iv, ciphertext, tag].iter().any(|segment| segment.is_empty()) {
            return Err(JweError::NotCompact);
        }
        let decode = |segment| from_base64url(segment).map_err(|_| JweError::NotCompact);
        Ok(Self {
            header: parse_header(&decode(protected)?)?,
            protected: protected.to_owned(),
            encrypted_key: decode(encrypted_key)?,
            iv: decode(iv)?,
            ciphertext: decode(ciphertext)?,
            tag: decode(tag)?,
        })
    }

    /// The unauthenticated header.
    #[must_use]
    pub const fn header(&self) -> &JweHeader {
        &self.header
    }

    /// What is inside, if it was encrypted to `key` (RFC 7516 5.2 steps 6 to 17).
    ///
    /// # Errors
    /// [`JweError::AlgorithmNotAllowed`] if the key is for another algorithm, [`JweError::Undecryptable`] otherwise.
    pub fn decrypt(&self, key: &DecryptionKey) -> Result<Zeroizing<Vec<u8>>, JweError> {
        if key.algorithm() != self.header.alg {
            return Err(JweError::AlgorithmNotAllowed);
        }
        let content_key = match self.content_key(key) {
            Some(content_key) => content_key,
            // RFC 7516 11.5: go on with a key that nobody knows, so that the failure is that of the content.
            None => unknown_key()?,
        };
        let nonce: [u8; NONCE] = self.iv.as_slice().try_into().map_err(|_| JweError::Undecryptable)?;
        if self.tag.len() != TAG {
            return Err(JweError::Undecryptable); // RFC 7518 5.3
        }
        let mut content = Zeroizing::new([self.ciphertext.as_slice(), self.tag.as_slice()].concat());
        let cipher = cipher(&content_key).ok_or(JweError::Undecryptable)?;
        let aad = Aad::from(self.protected.as_bytes()); // RFC 7516 5.2 step 15
        let plain = cipher
            .open_in_place(Nonce::assume_unique_for_key(nonce), aad, &mut content)
            .map_err(|_| JweError::Undecryptable)?
            .len();
        content.truncate(plain);
        Ok(content)
    }

    fn content_key(&self, key: &DecryptionKey) -> Option<Zeroizing<[u8; 32]>> {
        let Some(epk) = &self.header.epk else { return key.unwrap_key(&self.encrypted_key) };
        if !self.encrypted_key.is_empty() {
            return None; // RFC 7516 5.2 step 10
        }
        let parties = PartyInfo { producer: &self.header.apu, recipient: &self.header.apv };
        derive(&*key.agree(epk)?, parties)
    }
}

/// Encrypts `plaintext` to `key` as a compact token (RFC 7516 5.1); `cty` says what it is, `JWT` for a token.
///
/// # Errors
/// [`JweError::Failed`] if the library cannot.
pub fn encrypt(
    plaintext: &[u8],
    key: &EncryptionKey,
    cty: Option<&str>,
    entropy: &dyn Entropy,
) -> Result<String, JweError> {
    let mut header = Map::new();
    header.insert(String::from("alg"), json!(key.alg.as_str()));
    header.insert(String::from("enc"), json!(A256GCM));
    if let Some(kid) = &key.kid {
        header.insert(String::from("kid"), json!(kid));
    }
    if let Some(cty) = cty {
        header.insert(String::from("cty"), json!(cty));
    }
    let (content_key, encrypted_key) = match &key.key {
        PublicKey::P256(peer) => {
            let (content_key, epk) = agree_anew(peer, entropy)?;
            header.insert(String::from("epk"), epk);
            (content_key, Vec::new())
        }
        PublicKey::Rsa(_) => wrap_anew(key, entropy)?,
        PublicKey::Ed25519(_) => return Err(JweError::AlgorithmNotAllowed),
    };
    let protected = base64url(Value::Object(header).to_string());
    let nonce = entropy.bytes::<NONCE>();
    let mut content = plaintext.to_vec();
    let tag = cipher(&content_key)
        .ok_or(JweError::Failed)?
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(protected.as_bytes()),
            &mut content,
        )
        .map_err(|_| JweError::Failed)?;
    let rest = [encrypted_key.as_slice(), &nonce, &content, tag.as_ref()].map(base64url);
    Ok(format!("{protected}.{}", rest.join(".")))
}

/// The key agreed with `peer` by an ephemeral key, and that key as a JWK (RFC 7518 4.6.1.1).
fn agree_anew(peer: &P256Key, entropy: &dyn Entropy) -> Result<(Zeroizing<[u8; 32]>, Value), JweError> {
    let scalar = Zeroizing::new(entropy.bytes::<32>());
    // A random string of 32 bytes is no scalar once in 2³² times.
    let ephemeral = p256::SecretKey::from_slice(scalar.as_slice()).map_err(|_| JweError::Failed)?;
    let point = ephemeral.public_key().to_sec1_point(false);
    let public = PublicKey::p256_from_sec1(point.as_bytes()).map_err(|_| JweError::Failed)?;
    let shared = agree(&scalar, peer).map_err(|_| JweError::Failed)?;
    let content_key = derive(&shared, PartyInfo::default()).ok_or(JweError::Failed)?;
    Ok((content_key, Jwk::from(public).to_json()))
}

/// A fresh content key and its encryption (RFC 7516 5.1 steps 2, 4 and 5).
fn wrap_anew(key: &EncryptionKey, entropy: &dyn Entropy) -> Result<(Zeroizing<[u8; 32]>, Vec<u8>), JweError> {
    let (PublicKey::Rsa(rsa), Some(padding)) = (&key.key, key.alg.oaep()) else {
        return Err(JweError::AlgorithmNotAllowed);
    };
    let components = PublicKeyComponents { n: rsa.n(), e: rsa.e() };
    let public: PublicEncryptingKey = components.try_into().map_err(|_| JweError::Failed)?;
    let public = OaepPublicEncryptingKey::new(public).map_err(|_| JweError::Failed)?;
    let content_key = Zeroizing::new(entropy.bytes::<32>());
    let mut wrapped = vec![0; public.ciphertext_size()];
    let length = public
        .encrypt(padding, content_key.as_slice(), &mut wrapped, None)
        .map_err(|_| JweError::Failed)?
        .len();
    wrapped.truncate(length);
    Ok((content_key, wrapped))
}

fn derive(z: &[u8; 32], parties: PartyInfo<'_>) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    concat_kdf(z, A256GCM, parties, key.as_mut_slice()).ok().map(|()| key)
}

fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

fn unknown_key() -> Result<Zeroizing<[u8; 32]>, JweError> {
    let mut key = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_| JweError::Undecryptable)?;
    Ok(key)
}
