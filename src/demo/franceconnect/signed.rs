//! Its tokens: signed with ES256, then encrypted to the bridge with ECDH-ES and A256GCM (RFC 7519 5.2, RFC 7516).

use anyhow::Context as _;
use serde_json::{Value, json};

use super::FranceConnect;
use crate::jose::{
    Algorithm, EncryptionKey, Jwk, KeyManagement, KeyUse, Unverified, Verified, compact, encrypt,
    signing_input,
};

/// Bytes of a token that comes back as a hint.
const MAX_HINT: usize = 8 * 1024;

impl FranceConnect {
    /// The public half of the signing key, named by its thumbprint (RFC 7638).
    pub(super) fn public_key(&self) -> Jwk {
        let key = self.key.public().clone();
        let kid = Some(key.thumbprint().to_string());
        Jwk { key, kid, alg: Some(Algorithm::Es256), key_use: Some(KeyUse::Sig) }
    }

    /// `claims` signed and encrypted.
    pub(super) fn seal(&self, claims: &Value, recipient: &EncryptionKey) -> anyhow::Result<String> {
        let kid = self.public_key().kid;
        let header = json!({ "alg": Algorithm::Es256.as_str(), "typ": "JWT", "kid": kid });
        let input = signing_input(&header, claims);
        let signature = self.key.sign(input.as_bytes())?;
        let token = compact(input, &signature);
        Ok(encrypt(token.as_bytes(), recipient, Some("JWT"), &*self.entropy)?)
    }

    /// A signed token of ours that comes back.
    pub(super) fn own_token(&self, token: &str) -> Option<Verified> {
        let unverified = Unverified::parse(token, MAX_HINT).ok()?;
        unverified.verify(self.key.public(), &[Algorithm::Es256]).ok()
    }

    /// The bridge's encryption key, read anew each time: it rotates (RFC 7517 4.2, 5).
    pub(super) async fn recipient(&self) -> anyhow::Result<EncryptionKey> {
        let answer = self.http.get(&self.client.jwks_uri).send().await?.error_for_status()?;
        let set: Value = answer.json().await?;
        let keys = set.get("keys").and_then(Value::as_array).context("no key set")?;
        let for_encryption = |key: &&Value| key.get("use").is_some_and(|named| named == "enc");
        let mut fitting = keys
            .iter()
            .filter(for_encryption)
            .filter_map(|key| EncryptionKey::parse(key, KeyManagement::EcdhEs).ok());
        fitting.next().context("no key to encrypt to")
    }
}
