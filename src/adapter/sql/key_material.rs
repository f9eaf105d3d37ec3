//! Key material: made, and compared with the public part it is kept beside.

use zeroize::Zeroizing;

use super::key_parts::Unsealed;
use super::row::{corrupt, word};
use crate::base::{Entropy, EntropyExt as _, base64url};
use crate::jose::{Algorithm, DecryptionKey, Jwk, KeyManagement, KeyUse, PrivateKey};
use crate::keyring::Purpose;
use crate::ports::{PortError, PortResult};

impl Unsealed {
    /// The public part that the private one makes; none of a symmetric key, and of what cannot be parsed.
    pub(super) fn public_of(&self) -> PortResult<Option<serde_json::Value>> {
        let Some(private) = &self.private else { return Ok(None) };
        Ok(match self.purpose {
            Purpose::Sign | Purpose::Audit => {
                let algorithm = signature_algorithm(&self.algorithm)?;
                PrivateKey::from_pkcs8(algorithm, private).ok().map(|key| signing_jwk(&key, algorithm))
            }
            Purpose::Decrypt => {
                let algorithm: KeyManagement = word(&self.algorithm, KEY_MANAGEMENT)?;
                DecryptionKey::from_pkcs8(algorithm, private).ok().map(|key| key.public().to_json())
            }
            Purpose::Seal | Purpose::Cookie | Purpose::Nonce | Purpose::Pairwise => None,
        })
    }
}

fn signing_jwk(key: &PrivateKey, algorithm: Algorithm) -> serde_json::Value {
    let jwk = Jwk {
        key: key.public().clone(),
        kid: Some(key.public().thumbprint().to_string()),
        alg: Some(algorithm),
        key_use: Some(KeyUse::Sig),
    };
    jwk.to_json()
}

/// A fresh key.
pub(super) struct Made {
    pub(super) kid: String,
    pub(super) public_jwk: Option<serde_json::Value>,
    /// None when a token keeps it.
    pub(super) private: Option<Zeroizing<Vec<u8>>>,
}

impl Made {
    pub(super) fn generate(purpose: Purpose, algorithm: &str, entropy: &dyn Entropy) -> PortResult<Self> {
        match purpose {
            Purpose::Sign | Purpose::Audit => Self::signing(algorithm),
            Purpose::Seal | Purpose::Cookie | Purpose::Nonce | Purpose::Pairwise => Ok(Self {
                kid: base64url(entropy.bytes::<16>()),
                public_jwk: None,
                private: Some(Zeroizing::new(entropy.bytes::<32>().to_vec())),
            }),
            Purpose::Decrypt => Self::decryption(algorithm),
        }
    }

    fn decryption(algorithm: &str) -> PortResult<Self> {
        let algorithm: KeyManagement = word(algorithm, KEY_MANAGEMENT)?;
        let key =
            DecryptionKey::generate(algorithm).map_err(|error| PortError::Unavailable(error.to_string()))?;
        let public = key.public();
        Ok(Self {
            kid: public.kid().ok_or_else(|| corrupt("a fresh key has no name"))?.to_owned(),
            public_jwk: Some(public.to_json()),
            private: Some(Zeroizing::new(key.to_pkcs8().to_vec())),
        })
    }

    fn signing(algorithm: &str) -> PortResult<Self> {
        let algorithm = signature_algorithm(algorithm)?;
        let key =
            PrivateKey::generate(algorithm).map_err(|error| PortError::Unavailable(error.to_string()))?;
        Ok(Self {
            kid: key.public().thumbprint().to_string(),
            public_jwk: Some(signing_jwk(&key, algorithm)),
            private: Some(Zeroizing::new(key.to_pkcs8().to_vec())),
        })
    }
}

/// RFC 9864 names Ed25519 what RFC 8037 names `EdDSA`.
pub(super) fn signature_algorithm(name: &str) -> PortResult<Algorithm> {
    if name == "Ed25519" { Ok(Algorithm::EdDsa) } else { word(name, "a key's algorithm is unknown") }
}

pub(super) const KEY_MANAGEMENT: &str = "a key's key management is unknown";
