//! Where the demonstration keeps its data: a temporary folder deleted at the end, or one that stays.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::base::{Entropy, EntropyExt as _, base64url, from_base64url};

const KEY_LENGTH: usize = 32;

/// A folder with the database and its key-encryption key.
pub(super) struct Folder {
    path: PathBuf,
    /// Deletes the folder when dropped.
    _temporary: Option<TempDir>,
}

impl Folder {
    /// The folder at `kept`, made when there is none; a temporary one otherwise.
    pub(super) fn open(kept: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = kept {
            DirBuilder::new().recursive(true).mode(0o700).create(path).context("making the data folder")?;
            return Ok(Self { path: path.to_path_buf(), _temporary: None });
        }
        let temporary = tempfile::Builder::new().prefix("sceau-demo-").tempdir().context("a folder")?;
        Ok(Self { path: temporary.path().to_path_buf(), _temporary: Some(temporary) })
    }

    /// The SQLite file.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join("sceau.sqlite")
    }

    /// The key-encryption key in the form of the settings, so that `--data` opens the folder: read, or drawn and written with mode 0600 at the first start.
    pub(super) fn key_encryption_key(
        &self,
        entropy: &dyn Entropy,
    ) -> anyhow::Result<Zeroizing<[u8; KEY_LENGTH]>> {
        let path = self.path.join("sceau.kek");
        match fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(text) => {
                let bytes = Zeroizing::new(from_base64url(text.trim_end()).context("sceau.kek is damaged")?);
                let key: [u8; KEY_LENGTH] = bytes.as_slice().try_into().context("sceau.kek is damaged")?;
                Ok(key.into())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                ensure!(
                    !self.database().exists(),
                    "{} holds a database without its kek",
                    self.path.display()
                );
                let key = Zeroizing::new(entropy.bytes::<KEY_LENGTH>());
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                file.write_all(base64url(&*key).as_bytes())?;
                file.sync_all()?;
                Ok(key)
            }
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }
}
