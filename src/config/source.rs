//! Where settings come from: a TOML file, then the environment (`SCEAU__HTTP__LISTEN`), which wins.

use std::io;
use std::path::Path;

use ::config::{Environment, File, FileFormat};

use super::{ConfigError, RawConfig};

/// The texts around this process. Tests bring their own and never touch the environment.
pub trait Strings {
    /// All environment variables.
    fn variables(&self) -> Vec<(String, String)>;

    /// A whole text file.
    ///
    /// # Errors
    /// It does not open, or is not UTF-8.
    fn file(&self, path: &Path) -> io::Result<String>;

    /// One environment variable, empty ones left out.
    fn variable(&self, name: &str) -> Option<String> {
        let found = self.variables().into_iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value).filter(|value| !value.is_empty())
    }
}

/// The environment and the files of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessStrings;

impl Strings for ProcessStrings {
    fn variables(&self) -> Vec<(String, String)> {
        let unicode = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((key.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(unicode).collect()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// Reads the file, if one is given, and the environment over it.
pub(super) fn read(file: Option<&Path>, strings: &dyn Strings) -> Result<RawConfig, ConfigError> {
    let mut builder = ::config::Config::builder();
    if let Some(path) = file {
        let text =
            strings.file(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
    }
    let raw = builder.add_source(environment(strings)).build()?;
    Ok(raw.try_deserialize()?)
}

fn environment(strings: &dyn Strings) -> Environment {
    let environment = Environment::with_prefix("SCEAU")
        .prefix_separator("__")
        .separator("__")
        .ignore_empty(true)
        .try_parsing(true)
        .list_separator(",")
        .source(Some(strings.variables().into_iter().collect()));
    LISTS.iter().fold(environment, |environment, key| environment.with_list_parse_key(key))
}

const LISTS: &[&str] = &[
    "http.trusted_proxies",
    "mobile.allowed_origins",
    "mobile.attestation_roots",
    "mobile.aaguids",
    "directory.excluded_professions",
];
