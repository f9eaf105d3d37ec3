//! The decrypter over sealed private keys (RFC 7516 5.2), unsealed for one token and wiped.

use std::fmt;

use async_trait::async_trait;

use super::SqlKeys;
use super::key_material::KEY_MANAGEMENT;
use super::row::{corrupt, word};
use crate::base::Secret;
use crate::jose::{CompactJwe, DecryptionKey, JweError, KeyManagement};
use crate::keyring::{KeyState, Purpose, openers};
use crate::ports::{DecryptError, Decrypter, Keys as _, PortResult};

/// Opens with the keys of a [`SqlKeys`].
pub struct SealedDecrypter(SqlKeys);

impl SealedDecrypter {
    /// A decrypter over `keys`.
    #[must_use]
    pub const fn new(keys: SqlKeys) -> Self {
        Self(keys)
    }

    /// The key called `kid`; none once it was destroyed or revoked.
    async fn load(&self, kid: &str) -> PortResult<Option<DecryptionKey>> {
        let Some(sealed) = self.0.private(kid).await? else { return Ok(None) };
        if sealed.purpose != Purpose::Decrypt {
            return Err(corrupt("the key is not a decryption key"));
        }
        // Read again with the private part: it may have been revoked since the list was read.
        if !matches!(sealed.state, KeyState::Active | KeyState::Retiring) {
            return Ok(None);
        }
        let Some(private) = sealed.private else { return Ok(None) };
        let algorithm: KeyManagement = word(&sealed.algorithm, KEY_MANAGEMENT)?;
        let key = DecryptionKey::from_pkcs8(algorithm, &private);
        key.map(Some).map_err(|_| corrupt("a private key is malformed"))
    }
}

#[async_trait]
impl Decrypter for SealedDecrypter {
    async fn decrypt(
        &self,
        jwe: &str,
        allowed: &[KeyManagement],
        max_bytes: usize,
    ) -> Result<Secret, DecryptError> {
        let jwe = CompactJwe::parse(jwe, max_bytes)?;
        let header = jwe.header();
        if !allowed.contains(&header.alg) {
            return Err(DecryptError::NotAllowed);
        }
        if !header.is_nested() {
            return Err(DecryptError::NotNested);
        }
        let records = self.0.list().await?;
        let named = |own: &str| header.kid.as_deref().is_none_or(|kid| kid == own);
        let mut refused = DecryptError::UnknownKey;
        // Without a name, each key that may have been meant (RFC 7516 4.1.6): there are two during a rotation.
        for record in openers(&records, header.alg.as_str()).into_iter().filter(|key| named(&key.kid)) {
            let Some(key) = self.load(&record.kid).await? else { continue };
            match jwe.decrypt(&key) {
                Ok(plain) => {
                    let text = std::str::from_utf8(&plain).map_err(|_| DecryptError::NotNested)?;
                    return Ok(Secret::new(text.to_owned()));
                }
                Err(error @ JweError::Undecryptable) => refused = error.into(),
                Err(error) => return Err(error.into()),
            }
        }
        Err(refused)
    }
}

impl fmt::Debug for SealedDecrypter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedDecrypter").finish_non_exhaustive()
    }
}
