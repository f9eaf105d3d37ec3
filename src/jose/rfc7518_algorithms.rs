//! Signature algorithms and public keys (RFC 7518 3 and 6; RFC 8037 2 and 3.1 for `EdDSA`).
//!
//! Covers ES256, PS256, RS256 and `EdDSA` over Ed25519. Symmetric algorithms and `none` have no value here, so that
//! no input can choose them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use serde::{Deserialize, Serialize};

use super::roca;

/// A signature algorithm (RFC 7518 3.1, RFC 8037 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518 3.4).
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes (RFC 7518 3.5).
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 3.3), kept for upstream providers.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519 (RFC 8037 3.1).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// The text names no algorithm of this provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown signature algorithm")]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// The registered name, as in the `alg` header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    // RFC 7515 4.1.1: names are case-sensitive.
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        match name {
            "ES256" => Ok(Self::Es256),
            "PS256" => Ok(Self::Ps256),
            "RS256" => Ok(Self::Rs256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err(UnknownAlgorithm),
        }
    }
}

/// Why a key cannot be made, read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes do not have the shape of such a key.
    #[error("malformed key")]
    Malformed,
    /// The coordinates are no point of the curve, or one of a small subgroup (RFC 7518 6.2.2, RFC 8032 5.1.3).
    #[error("not a point of the curve")]
    OffCurve,
    /// The RSA key is outside 2048 to 8192 bits, has an unusable exponent or comes from a flawed generator.
    #[error("RSA key outside the accepted range")]
    WeakRsa,
    /// The cryptographic library could not generate or sign.
    #[error("cryptographic operation failed")]
    Failed,
}

/// Why a signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key cannot verify this algorithm (RFC 8725 3.1).
    #[error("algorithm does not suit the key")]
    WrongAlgorithm,
    /// The signature does not match.
    #[error("invalid signature")]
    Invalid,
}

/// A public key that was valid when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// A point of P-256 (RFC 7518 6.2).
    P256(P256Key),
    /// An RSA modulus and exponent (RFC 7518 6.3).
    Rsa(RsaKey),
    /// An Ed25519 key (RFC 8037 2).
    Ed25519(Ed25519Key),
}

/// A point of P-256 that lies on the curve and is not the point at infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct P256Key([u8; 65]);

/// An RSA key of 2048 to 8192 bits; both numbers big-endian without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaKey {
    n: Vec<u8>,
    e: Vec<u8>,
}

/// An Ed25519 key in canonical form and outside the small subgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ed25519Key([u8; 32]);

impl PublicKey {
    /// The P-256 key at `x`, `y`: 32 bytes each (RFC 7518 6.2.1.2).
    ///
    /// # Errors
    /// [`KeyError::OffCurve`] if there is no such point.
    pub fn p256(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, KeyError> {
        Self::p256_from_sec1(&[&[4], x.as_slice(), y.as_slice()].concat())
    }

    /// The P-256 key in SEC 1 form, compressed or not (SEC 1 2.3.3).
    ///
    /// # Errors
    /// [`KeyError::OffCurve`] if the bytes encode no point, or the point at infinity.
    pub fn p256_from_sec1(point: &[u8]) -> Result<Self, KeyError> {
        let key = p256::PublicKey::from_sec1_bytes(point).map_err(|_| KeyError::OffCurve)?;
        let encoded = key.to_sec1_point(false);
        encoded.as_bytes().try_into().map(|bytes| Self::P256(P256Key(bytes))).map_err(|_| KeyError::OffCurve)
    }

    /// The RSA key of modulus `n` and exponent `e`, big-endian without leading zeros (RFC 7518 6.3.1).
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for leading zeros; [`KeyError::WeakRsa`] outside 2048 to 8192 bits, for an even
    /// modulus, for an exponent that is even, 1 or longer than 32 bits, or for a ROCA modulus.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let (Some(n_first), Some(e_first)) = (n.first(), e.first()) else { return Err(KeyError::Malformed) };
        if *n_first == 0 || *e_first == 0 {
            return Err(KeyError::Malformed);
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        let is_sized = (256..=1024).contains(&n.len()) && (n.len() > 256 || *n_first >= 0x80); // RFC 7518 3.3, 3.5
        let is_exponent_sound = is_odd(e) && e != [1] && e.len() <= 4;
        if !is_sized || !is_odd(n) || !is_exponent_sound || roca::has_fingerprint(n) {
            return Err(KeyError::WeakRsa);
        }
        Ok(Self::Rsa(RsaKey { n: n.to_vec(), e: e.to_vec() }))
    }

    /// The Ed25519 key of 32 bytes (RFC 8032 5.1.5).
    ///
    /// # Errors
    /// [`KeyError::OffCurve`] for a non-canonical encoding or a point of small order.
    pub fn ed25519(bytes: [u8; 32]) -> Result<Self, KeyError> {
        if is_non_canonical(&bytes) || is_small_order(&bytes) {
            return Err(KeyError::OffCurve);
        }
        Ok(Self::Ed25519(Ed25519Key(bytes)))
    }

    /// The algorithms this key can verify.
    #[must_use]
    pub fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::P256(_) => &[Algorithm::Es256],
            Self::Rsa(_) => &[Algorithm::Ps256, Algorithm::Rs256],
            Self::Ed25519(_) => &[Algorithm::EdDsa],
        }
    }

    /// Verifies `signature` over `message`. An ES256 signature is `r ‖ s`, 64 bytes (RFC 7518 3.4).
    ///
    /// # Errors
    /// [`SignatureError::WrongAlgorithm`] for an algorithm outside [`PublicKey::algorithms`],
    /// [`SignatureError::Invalid`] otherwise.
    pub fn verify(&self, alg: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let outcome = match (self, alg) {
            (Self::P256(key), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.0).verify(message, signature)
            }
            (Self::Ed25519(key), Algorithm::EdDsa) => {
                UnparsedPublicKey::new(&ED25519, key.0).verify(message, signature)
            }
            (Self::Rsa(key), Algorithm::Ps256) => {
                key.components().verify(&RSA_PSS_2048_8192_SHA256, message, signature)
            }
            (Self::Rsa(key), Algorithm::Rs256) => {
                key.components().verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            _ => return Err(SignatureError::WrongAlgorithm),
        };
        outcome.map_err(|_| SignatureError::Invalid)
    }
}

impl P256Key {
    /// The uncompressed point: `04 ‖ x ‖ y` (SEC 1 2.3.3).
    #[must_use]
    pub const fn as_sec1(&self) -> &[u8; 65] {
        &self.0
    }

    /// The two coordinates, 32 bytes each.
    #[must_use]
    pub fn coordinates(&self) -> (&[u8], &[u8]) {
        let [_, point @ ..] = &self.0;
        point.split_at(32)
    }
}

impl RsaKey {
    /// The modulus, big-endian.
    #[must_use]
    pub fn n(&self) -> &[u8] {
        &self.n
    }

    /// The public exponent, big-endian.
    #[must_use]
    pub fn e(&self) -> &[u8] {
        &self.e
    }

    fn components(&self) -> RsaPublicKeyComponents<&[u8]> {
        RsaPublicKeyComponents { n: &self.n, e: &self.e }
    }
}

impl Ed25519Key {
    /// The encoded point.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Whether the y coordinate is 2²⁵⁵ − 19 or more (RFC 8032 5.1.3 step 1).
fn is_non_canonical(key: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = key;
    *low >= 0xED && middle.iter().all(|byte| *byte == 0xFF) && *high & 0x7F == 0x7F
}

/// Whether the point has order 1, 2, 4 or 8: such a key accepts signatures that nobody made.
fn is_small_order(key: &[u8; 32]) -> bool {
    const ORDER_8_A: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    const ORDER_8_B: [u8; 32] = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ];
    let [start @ .., high] = *key;
    let [low, middle @ ..] = start;
    let high = high & 0x7F;
    let is_zero_or_one = low <= 1 && high == 0 && middle.iter().all(|byte| *byte == 0);
    let is_minus_one = low == 0xEC && high == 0x7F && middle.iter().all(|byte| *byte == 0xFF);
    let is_order_8 = [ORDER_8_A, ORDER_8_B].iter().any(|[known @ .., last]| *known == start && *last == high);
    is_zero_or_one || is_minus_one || is_order_8
}
