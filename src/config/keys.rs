//! The key-encryption key: a file, never a setting (design decision 21).

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::base::{Entropy, EntropyExt as _, base64url, from_base64url};

use super::raw::RawKeys;
use super::storage::is_new;
use super::{ConfigError, Pkcs11, Sql, Storage};

/// Where keys and their policy are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// 32 bytes, base64url, that seal what the database keeps.
    pub kek_file: PathBuf,
    /// Another such key, which opens and seals nothing: while one key replaces the other.
    pub kek_previous_file: Option<PathBuf>,
    /// Replaces the policy built in.
    pub policy_file: Option<PathBuf>,
    /// The hardware token that makes and keeps the signing keys.
    pub pkcs11: Option<Pkcs11>,
}

impl Keys {
    pub(super) fn check(raw: &RawKeys, storage: &Storage) -> Result<Self, ConfigError> {
        let kek_file = match (&raw.kek_file, &storage.sql) {
            (Some(path), _) => path.clone(),
            (None, Sql::Sqlite(database)) => beside(database),
            (None, Sql::Postgres(_)) => {
                let reason =
                    "must be given with PostgreSQL: every replica needs the same key, and none makes it";
                return Err(ConfigError::refused(KEK_FILE, reason));
            }
        };
        let kek_previous_file = raw.kek_previous_file.clone();
        if kek_previous_file.as_ref() == Some(&kek_file) {
            return Err(ConfigError::refused(KEK_PREVIOUS_FILE, SAME));
        }
        let pkcs11 = raw.pkcs11.as_ref().map(Pkcs11::check).transpose()?;
        Ok(Self { kek_file, kek_previous_file, policy_file: raw.policy_file.clone(), pkcs11 })
    }

    /// Reads the key-encryption key, or makes it (mode 0600) for a SQLite database that is new.
    ///
    /// To be called before the database is opened.
    ///
    /// # Errors
    /// The file is missing beside a database in use, malformed, or cannot be read or made.
    pub fn kek(&self, storage: &Storage, entropy: &dyn Entropy) -> Result<Kek, ConfigError> {
        let path = &self.kek_file;
        match std::fs::read_to_string(path) {
            Ok(text) => Kek::read(text, (KEK_FILE, path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make(storage, entropy),
            Err(error) => Err(unusable(path, "read", &error)),
        }
    }

    /// Reads the other key-encryption key, when there is one; never makes it.
    ///
    /// # Errors
    /// The file is missing or malformed, cannot be read, or holds the same key as `current`.
    pub fn kek_previous(&self, current: &Kek) -> Result<Option<Kek>, ConfigError> {
        let Some(path) = &self.kek_previous_file else { return Ok(None) };
        let unusable = |error| {
            let reason = format!("{} cannot be read: {error}", path.display());
            ConfigError::refused(KEK_PREVIOUS_FILE, reason)
        };
        let kek = Kek::read(std::fs::read_to_string(path).map_err(unusable)?, (KEK_PREVIOUS_FILE, path))?;
        if kek.expose() == current.expose() {
            return Err(ConfigError::refused(KEK_PREVIOUS_FILE, SAME));
        }
        Ok(Some(kek))
    }

    fn make(&self, storage: &Storage, entropy: &dyn Entropy) -> Result<Kek, ConfigError> {
        let path = &self.kek_file;
        let Sql::Sqlite(database) = &storage.sql else {
            let reason = format!(
                "{} does not exist, and with PostgreSQL it is never made: write 32 random bytes as base64url, once for all replicas",
                path.display()
            );
            return Err(ConfigError::refused(KEK_FILE, reason));
        };
        let new = is_new(database).map_err(|error| unusable(database, "looked at", &error))?;
        if !new {
            let reason = format!(
                "{} does not exist, and {} is in use: without its key nothing in it can be opened; restore the key",
                path.display(),
                database.display()
            );
            return Err(ConfigError::refused(KEK_FILE, reason));
        }
        let kek = Kek(Zeroizing::new(entropy.bytes::<32>()));
        write_once(path, &kek).map_err(|error| unusable(path, "made", &error))?;
        Ok(kek)
    }
}

/// The key-encryption key. Redacted in `Debug`, wiped when dropped.
pub struct Kek(Zeroizing<[u8; 32]>);

impl Kek {
    /// The key itself. Every call is a place to review.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    fn read(text: String, (setting, path): (&'static str, &Path)) -> Result<Self, ConfigError> {
        Self::parse(&Zeroizing::new(text)).ok_or_else(|| {
            let reason = format!("{} is not a key: 32 bytes as 43 characters of base64url", path.display());
            ConfigError::refused(setting, reason)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let bytes = Zeroizing::new(from_base64url(line).ok()?);
        bytes.as_slice().try_into().ok().map(|key| Self(Zeroizing::new(key)))
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kek([redacted])")
    }
}

/// The usual place of the key of a file.
fn beside(database: &Path) -> PathBuf {
    let mut name = database.to_owned().into_os_string();
    name.push(".kek");
    PathBuf::from(name)
}

/// Whole or not at all, never over another one; a temporary file has mode 0600.
fn write_once(path: &Path, kek: &Kek) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".kek").tempfile_in(folder)?;
    let text = Zeroizing::new(base64url(kek.expose()));
    writeln!(file, "{}", text.as_str())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    std::fs::File::open(folder)?.sync_all()
}

fn unusable(path: &Path, what: &str, error: &io::Error) -> ConfigError {
    ConfigError::refused(KEK_FILE, format!("{} cannot be {what}: {error}", path.display()))
}

const KEK_FILE: &str = "keys.kek_file";
const KEK_PREVIOUS_FILE: &str = "keys.kek_previous_file";
const SAME: &str = "is the key of keys.kek_file itself: name the key that it replaces, or leave this out";
