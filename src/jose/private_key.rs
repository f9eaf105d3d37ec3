//! Software signing keys: generation, PKCS#8 (RFC 5958) and signatures in JOSE form (RFC 7518 3).
//!
//! Keys are parsed once and kept; the PKCS#8 bytes beside them are wiped when dropped.

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair, RsaSignatureEncoding,
};
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::EncodePrivateKey as _;
use zeroize::Zeroizing;

use super::{Algorithm, KeyError, PublicKey};

/// A private key bound to one algorithm.
pub struct PrivateKey {
    alg: Algorithm,
    pair: Pair,
    public: PublicKey,
    pkcs8: Zeroizing<Vec<u8>>,
}

enum Pair {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// A fresh key for `alg` from the operating system's generator; RSA keys have 2048 bits.
    ///
    /// # Errors
    /// [`KeyError::Failed`] if the generator fails.
    pub fn generate(alg: Algorithm) -> Result<Self, KeyError> {
        let pkcs8 = match alg {
            Algorithm::Es256 => generate_p256()?,
            Algorithm::Ps256 | Algorithm::Rs256 => generate_rsa()?,
            Algorithm::EdDsa => generate_ed25519()?,
        };
        Self::from_pkcs8(alg, &pkcs8)
    }

    /// The key kept as unencrypted PKCS#8 in `der` (RFC 5958 2).
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is no key for `alg`, [`KeyError::WeakRsa`] as for public keys.
    pub fn from_pkcs8(alg: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let (pair, public) = match alg {
            Algorithm::Es256 => parse_p256(der)?,
            Algorithm::Ps256 | Algorithm::Rs256 => parse_rsa(der)?,
            Algorithm::EdDsa => parse_ed25519(der)?,
        };
        Ok(Self { alg, pair, public, pkcs8: Zeroizing::new(der.to_vec()) })
    }

    /// The key as unencrypted PKCS#8, to be sealed before it is stored.
    #[must_use]
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The one algorithm this key signs with (RFC 8725 3.1).
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`; an ES256 signature is `r ‖ s`, 64 bytes (RFC 7518 3.4).
    ///
    /// # Errors
    /// [`KeyError::Failed`] if the library cannot sign.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::Failed),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(self.rsa_encoding(), &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| KeyError::Failed)?;
                Ok(signature)
            }
        }
    }

    fn rsa_encoding(&self) -> &'static RsaSignatureEncoding {
        if self.alg == Algorithm::Rs256 { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, [redacted])", self.alg)
    }
}

fn generate_p256() -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let secret = p256::SecretKey::try_generate().map_err(|_| KeyError::Failed)?;
    secret.to_pkcs8_der().map(|document| document.to_bytes()).map_err(|_| KeyError::Failed)
}

fn generate_rsa() -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Failed)?;
    let document = pair.as_der().map_err(|_| KeyError::Failed)?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

fn generate_ed25519() -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Failed)?;
    let document = pair.to_pkcs8v1().map_err(|_| KeyError::Failed)?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

fn parse_p256(der: &[u8]) -> Result<(Pair, PublicKey), KeyError> {
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| KeyError::Malformed)?;
    let public = PublicKey::p256_from_sec1(pair.public_key().as_ref())?;
    Ok((Pair::P256(pair), public))
}

fn parse_rsa(der: &[u8]) -> Result<(Pair, PublicKey), KeyError> {
    let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
    let key = pair.public_key();
    let public = PublicKey::rsa(
        key.modulus().big_endian_without_leading_zero(),
        key.exponent().big_endian_without_leading_zero(),
    )?;
    Ok((Pair::Rsa(pair), public))
}

fn parse_ed25519(der: &[u8]) -> Result<(Pair, PublicKey), KeyError> {
    let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
    let bytes = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Malformed)?;
    Ok((Pair::Ed25519(pair), PublicKey::ed25519(bytes)?))
}
