//! Proofs of a key of a service (RFC 9449 4.2).

use sceau::base::{Clock as _, EntropyExt as _, OsEntropy, base64url, sha256};
use sceau::jose::{Algorithm, Jwk, PrivateKey, compact, signing_input};
use serde_json::{Value, json};

use super::{Harness, ISSUER};

/// A key with which proofs are made.
pub(crate) struct DpopKey(PrivateKey);

/// A proof before it is signed.
pub(crate) struct Proof {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl DpopKey {
    pub(crate) fn generate() -> Self {
        Self(PrivateKey::generate(Algorithm::Es256).unwrap())
    }

    pub(crate) fn thumbprint(&self) -> String {
        base64url(self.0.public().thumbprint().as_bytes())
    }

    /// What a good proof says; without nonce.
    pub(crate) fn draft(&self, harness: &Harness, method: &str, path: &str) -> Proof {
        let jwk = Jwk::from(self.0.public().clone());
        Proof {
            header: json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk.to_json() }),
            claims: json!({
                "htm": method,
                "htu": format!("{ISSUER}{path}"),
                "iat": harness.clock.now().secs(),
                "jti": base64url(OsEntropy.bytes::<16>()),
            }),
        }
    }

    pub(crate) fn sign(&self, proof: &Proof) -> String {
        let input = signing_input(&proof.header, &proof.claims);
        let signature = self.0.sign(input.as_bytes()).unwrap();
        compact(input, &signature)
    }

    /// A good proof for the token endpoint.
    pub(crate) fn for_token(&self, harness: &Harness, nonce: Option<&str>) -> String {
        let mut proof = self.draft(harness, "POST", "/token");
        if let Some(nonce) = nonce {
            proof.claims["nonce"] = json!(nonce);
        }
        self.sign(&proof)
    }

    /// A good proof for userinfo with `token`.
    pub(crate) fn for_userinfo(&self, harness: &Harness, token: &str, nonce: Option<&str>) -> String {
        let mut proof = self.draft(harness, "GET", "/userinfo");
        proof.claims["ath"] = json!(base64url(sha256(&[token.as_bytes()])));
        if let Some(nonce) = nonce {
            proof.claims["nonce"] = json!(nonce);
        }
        self.sign(&proof)
    }
}
