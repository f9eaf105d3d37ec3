//! Tests of the settings: texts and variables in, a configuration or a sentence out.

mod audit;
mod files;
mod network;
mod senders;
mod settings;
mod telemetry;
mod upstreams;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use sceau::config::{Config, ConfigError, Strings};

/// Variables and files of a test; the process's own are never looked at.
#[derive(Clone, Default)]
pub(crate) struct TestStrings {
    variables: Vec<(String, String)>,
    files: BTreeMap<String, String>,
}

impl TestStrings {
    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((String::from(name), String::from(value)));
        self
    }

    pub(crate) fn with_file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(String::from(path), String::from(text));
        self
    }

    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        Config::load(Some(Path::new("sceau.toml")), self)
    }
}

impl Strings for TestStrings {
    fn variables(&self) -> Vec<(String, String)> {
        self.variables.clone()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        let text = self.files.get(path.to_str().unwrap());
        text.cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

/// The settings file `text`, and nothing else.
pub(crate) fn file(text: &str) -> TestStrings {
    TestStrings::default().with_file("sceau.toml", text)
}
