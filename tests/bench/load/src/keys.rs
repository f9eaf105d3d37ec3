//! What a client signs: compact JWS with ES256, proofs of RFC 9449, and WebAuthn signatures.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

use crate::clock::now;

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn from_base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
}

pub fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
    bytes
}

pub fn random_text() -> String {
    base64url(random::<16>())
}

/// A P-256 key pair.
pub struct Key {
    fixed: EcdsaKeyPair,
    asn1: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    random: SystemRandom,
    /// The header of a proof of this key (RFC 9449 4.2), encoded.
    proof_header: String,
}

impl Key {
    pub fn generate() -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self::from_pkcs8(pkcs8.expect("a key can be made").as_ref())
    }

    pub fn from_pkcs8(pkcs8: &[u8]) -> Self {
        let random = SystemRandom::new();
        let pair = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &random).expect("a P-256 key in PKCS #8");
        let (fixed, asn1) = (pair(&ECDSA_P256_SHA256_FIXED_SIGNING), pair(&ECDSA_P256_SHA256_ASN1_SIGNING));
        let mut key = Self { fixed, asn1, pkcs8: pkcs8.to_vec(), random, proof_header: String::new() };
        let (x, y) = key.coordinates();
        let (x, y) = (base64url(x), base64url(y));
        key.proof_header = base64url(format!(
            r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}}}"#
        ));
        key
    }

    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    pub fn coordinates(&self) -> (&[u8], &[u8]) {
        self.fixed.public_key().as_ref()[1..].split_at(32)
    }

    /// RFC 7638.
    pub fn thumbprint(&self) -> Vec<u8> {
        let (x, y) = self.coordinates();
        let (x, y) = (base64url(x), base64url(y));
        sha256(&[format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes()])
    }

    /// A signature as WebAuthn has it (6.5.6): DER.
    pub fn sign_asn1(&self, message: &[u8]) -> Vec<u8> {
        self.asn1.sign(&self.random, message).expect("it signs").as_ref().to_vec()
    }

    /// A compact JWS whose header is encoded already.
    pub fn jws(&self, header: &str, claims: &str) -> String {
        let input = format!("{header}.{}", base64url(claims));
        let signature = self.fixed.sign(&self.random, input.as_bytes()).expect("it signs");
        format!("{input}.{}", base64url(signature))
    }

    /// The `DPoP` header of one request, with its end (RFC 9449 4.2).
    pub fn proof(&self, method: &str, address: &str, nonce: Option<&str>, access_token: Option<&str>) -> String {
        let (iat, jti) = (now(), random_text());
        let nonce = nonce.map(|nonce| format!(r#","nonce":"{nonce}""#)).unwrap_or_default();
        let hash = access_token.map(|token| base64url(sha256(&[token.as_bytes()])));
        let hash = hash.map(|hash| format!(r#","ath":"{hash}""#)).unwrap_or_default();
        let claims = format!(r#"{{"htm":"{method}","htu":"{address}","iat":{iat},"jti":"{jti}"{nonce}{hash}}}"#);
        format!("DPoP: {}\r\n", self.jws(&self.proof_header, &claims))
    }
}
