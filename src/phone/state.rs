//! The state file: one JSON document of mode 0600, replaced whole.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::PhoneError;
use crate::base::{EntropyExt as _, OsEntropy, base64url, from_base64url};
use crate::jose::{Algorithm, PrivateKey};

const VERSION: u8 = 1;

/// What a phone remembers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PhoneState {
    version: u8,
    /// The server.
    pub server: Url,
    /// The origin this phone writes into its client data.
    pub origin: String,
    /// The name shown to its holder.
    pub name: String,
    /// The request key.
    request_key: KeptKey,
    /// The credential, once there is one.
    pub credential: Option<Credential>,
}

/// The `WebAuthn` credential of a phone.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    /// Credential id, base64url.
    pub id: String,
    /// Relying party id it is scoped to.
    pub rp_id: String,
    /// User handle, base64url.
    pub user_handle: String,
    /// The approval key.
    pub approval_key: KeptKey,
    /// The last counter signed.
    pub sign_count: u32,
    /// The device, once the server has accepted the credential.
    pub device_id: Option<String>,
}

/// A private key: PKCS#8, base64url. Never printed.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct KeptKey(zeroize::Zeroizing<String>);

impl KeptKey {
    /// A fresh ES256 key.
    pub(super) fn generate() -> Result<Self, PhoneError> {
        let key = PrivateKey::generate(Algorithm::Es256).map_err(|_| PhoneError::Crypto("key"))?;
        Ok(Self(base64url(key.to_pkcs8()).into()))
    }

    /// The key, ready to sign.
    pub(super) fn open(&self) -> Result<PrivateKey, PhoneError> {
        let der = zeroize::Zeroizing::new(
            from_base64url(&self.0).map_err(|_| PhoneError::State(String::from("malformed key")))?,
        );
        PrivateKey::from_pkcs8(Algorithm::Es256, &der)
            .map_err(|_| PhoneError::State(String::from("malformed key")))
    }
}

impl PhoneState {
    /// The state of a phone that is not enrolled.
    pub(super) fn fresh(server: &Url, origin: String) -> Result<Self, PhoneError> {
        Ok(Self {
            version: VERSION,
            server: server.clone(),
            origin,
            name: String::from("Software phone"),
            request_key: KeptKey::generate()?,
            credential: None,
        })
    }

    /// The request key.
    pub(super) fn request_key(&self) -> Result<PrivateKey, PhoneError> {
        self.request_key.open()
    }

    /// Reads the state at `path`.
    pub(super) fn load(path: &Path) -> Result<Self, PhoneError> {
        let text = zeroize::Zeroizing::new(fs::read(path).map_err(|error| at(path, &error))?);
        let state: Self = serde_json::from_slice(&text).map_err(|error| at(path, &error))?;
        if state.version != VERSION {
            return Err(PhoneError::State(format!("{}: another version", path.display())));
        }
        Ok(state)
    }

    /// Replaces the state at `path`; it is on disk when this returns.
    pub(super) fn save(&self, path: &Path) -> Result<(), PhoneError> {
        let text =
            zeroize::Zeroizing::new(serde_json::to_vec_pretty(self).map_err(|error| at(path, &error))?);
        write_private(path, &text)
    }
}

/// Writes `bytes` to `path` with mode 0600, by replacement.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), PhoneError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", base64url(OsEntropy.bytes::<8>())));
    let beside = PathBuf::from(beside);
    let written = write_new(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        drop(fs::remove_file(&beside));
    }
    written.map_err(|error| at(path, &error))
}

/// Private from the first byte on, and on disk when this returns.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> PhoneError {
    PhoneError::State(format!("{}: {error}", path.display()))
}
