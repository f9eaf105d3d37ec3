//! Keys that encrypt tokens, each bound to one key-management algorithm (RFC 7518 4.1, RFC 7517 4, RFC 8725 3.1).
//!
//! RSA-OAEP, RSA-OAEP-256 and ECDH-ES. `RSA1_5`, `dir` and key wrapping have no value here, so that no input can
//! choose them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    PrivateDecryptingKey,
};
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use p256::elliptic_curve::Generate as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::rfc7518_key_agreement::agree;
use super::{Jwk, JwkError, KeyError, KeyUse, P256Key, PublicKey};

/// How the key of the content reaches the recipient (RFC 7518 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyManagement {
    /// RSAES-OAEP with SHA-1 (RFC 7518 4.3). Its SHA-1 is not a signature's; upstreams still ask for it.
    #[serde(rename = "RSA-OAEP")]
    RsaOaep,
    /// RSAES-OAEP with SHA-256 (RFC 7518 4.3).
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
    /// Direct agreement with an ephemeral key on P-256 (RFC 7518 4.6).
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
}

/// The text names no key-management algorithm of this provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown key-management algorithm")]
pub struct UnknownKeyManagement;

impl KeyManagement {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RsaOaep, Self::RsaOaep256, Self::EcdhEs];

    /// The registered name, as in the `alg` header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
        }
    }

    /// The padding, of RSA.
    pub(super) fn oaep(self) -> Option<&'static OaepAlgorithm> {
        match self {
            Self::RsaOaep => Some(&OAEP_SHA1_MGF1SHA1),
            Self::RsaOaep256 => Some(&OAEP_SHA256_MGF1SHA256),
            Self::EcdhEs => None,
        }
    }

    const fn suits(self, key: &PublicKey) -> bool {
        matches!(
            (self, key),
            (Self::EcdhEs, PublicKey::P256(_)) | (Self::RsaOaep | Self::RsaOaep256, PublicKey::Rsa(_))
        )
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyManagement {
    type Err = UnknownKeyManagement;

    // RFC 7515 4.1.1: names are case-sensitive.
    fn from_str(name: &str) -> Result<Self, UnknownKeyManagement> {
        Self::ALL.into_iter().find(|own| own.as_str() == name).ok_or(UnknownKeyManagement)
    }
}

/// A recipient's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionKey {
    pub(super) key: PublicKey,
    pub(super) alg: KeyManagement,
    pub(super) kid: Option<String>,
}

impl EncryptionKey {
    /// `key` for `alg`, called `kid`.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the key cannot serve the algorithm.
    pub fn new(key: PublicKey, alg: KeyManagement, kid: Option<String>) -> Result<Self, KeyError> {
        if alg.suits(&key) { Ok(Self { key, alg, kid }) } else { Err(KeyError::Malformed) }
    }

    /// Reads a JWK that is meant for encryption with `alg`: `use` must be `enc` or absent, and its own `alg`, if it
    /// has one, the same (RFC 7517 4.2, 4.4).
    ///
    /// # Errors
    /// [`JwkError`] for the first member that does not hold.
    pub fn parse(json: &Value, alg: KeyManagement) -> Result<Self, JwkError> {
        let mut json = json.clone();
        let members = json.as_object_mut().ok_or(JwkError::Malformed("jwk"))?;
        if members.remove("alg").is_some_and(|own| own != alg.as_str()) {
            return Err(JwkError::Unsupported("alg"));
        }
        let jwk = Jwk::parse(&json)?;
        if jwk.key_use == Some(KeyUse::Sig) {
            return Err(JwkError::Unsupported("use"));
        }
        Self::new(jwk.key, alg, jwk.kid).map_err(JwkError::Key)
    }

    /// Its identifier (RFC 7517 4.5).
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key as published: `use` is `enc`, `alg` its one algorithm (RFC 7517 4.2, 4.4).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let key_use = Some(KeyUse::Enc);
        let mut json = Jwk { key: self.key.clone(), kid: self.kid.clone(), alg: None, key_use }.to_json();
        if let Some(members) = json.as_object_mut() {
            members.insert(String::from("alg"), json!(self.alg.as_str()));
        }
        json
    }
}

/// A private key that opens what was encrypted to it with one algorithm.
pub struct DecryptionKey {
    private: Private,
    public: EncryptionKey,
    pkcs8: Zeroizing<Vec<u8>>,
}

enum Private {
    P256(Zeroizing<[u8; 32]>),
    Rsa(OaepPrivateDecryptingKey),
}

impl DecryptionKey {
    /// A fresh key for `alg` from the operating system's generator; RSA keys have 3072 bits. Its `kid` is the
    /// thumbprint of its public half (RFC 7638).
    ///
    /// # Errors
    /// [`KeyError::Failed`] if the generator fails.
    pub fn generate(alg: KeyManagement) -> Result<Self, KeyError> {
        let pkcs8 = match alg {
            KeyManagement::EcdhEs => {
                let secret = p256::SecretKey::try_generate().map_err(|_| KeyError::Failed)?;
                secret.to_pkcs8_der().map(|document| document.to_bytes()).map_err(|_| KeyError::Failed)?
            }
            KeyManagement::RsaOaep | KeyManagement::RsaOaep256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(|_| KeyError::Failed)?;
                let document = pair.as_der().map_err(|_| KeyError::Failed)?;
                Zeroizing::new(document.as_ref().to_vec())
            }
        };
        Self::from_pkcs8(alg, &pkcs8)
    }

    /// The key kept as unencrypted PKCS#8 in `der` (RFC 5958 2).
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is no key for `alg`, [`KeyError::WeakRsa`] as for public keys.
    pub fn from_pkcs8(alg: KeyManagement, der: &[u8]) -> Result<Self, KeyError> {
        let (private, key) = match alg {
            KeyManagement::EcdhEs => parse_p256(der)?,
            KeyManagement::RsaOaep | KeyManagement::RsaOaep256 => parse_rsa(der)?,
        };
        let kid = key.thumbprint().to_string();
        let public = EncryptionKey::new(key, alg, Some(kid))?;
        Ok(Self { private, public, pkcs8: Zeroizing::new(der.to_vec()) })
    }

    /// The key as unencrypted PKCS#8, to be sealed before it is stored.
    #[must_use]
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &EncryptionKey {
        &self.public
    }

    /// The one algorithm it serves (RFC 8725 3.1).
    #[must_use]
    pub const fn algorithm(&self) -> KeyManagement {
        self.public.alg
    }

    /// The secret shared with `peer`; none for an RSA key.
    pub(super) fn agree(&self, peer: &P256Key) -> Option<Zeroizing<[u8; 32]>> {
        match &self.private {
            Private::P256(own) => agree(own, peer).ok(),
            Private::Rsa(_) => None,
        }
    }

    /// The 32 bytes encrypted in `wrapped`; none for whatever else, without telling what (RFC 7516 11.5).
    pub(super) fn unwrap_key(&self, wrapped: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let (Private::Rsa(key), Some(padding)) = (&self.private, self.algorithm().oaep()) else {
            return None;
        };
        let mut plain = Zeroizing::new(vec![0; key.min_output_size()]);
        let found: &[u8] = key.decrypt(padding, wrapped, &mut plain, None).ok()?;
        found.try_into().ok().map(Zeroizing::new)
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptionKey({}, [redacted])", self.algorithm())
    }
}

fn parse_p256(der: &[u8]) -> Result<(Private, PublicKey), KeyError> {
    let secret = p256::SecretKey::from_pkcs8_der(der).map_err(|_| KeyError::Malformed)?;
    let public = PublicKey::p256_from_sec1(secret.public_key().to_sec1_point(false).as_bytes())?;
    let mut scalar = Zeroizing::new([0; 32]);
    scalar.copy_from_slice(&secret.to_bytes());
    Ok((Private::P256(scalar), public))
}

fn parse_rsa(der: &[u8]) -> Result<(Private, PublicKey), KeyError> {
    let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
    let key = pair.public_key();
    let public = PublicKey::rsa(
        key.modulus().big_endian_without_leading_zero(),
        key.exponent().big_endian_without_leading_zero(),
    )?;
    let private = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
    let private = OaepPrivateDecryptingKey::new(private).map_err(|_| KeyError::Malformed)?;
    Ok((Private::Rsa(private), public))
}
