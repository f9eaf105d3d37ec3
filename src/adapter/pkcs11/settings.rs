//! Which token, and how it is used.

use std::path::PathBuf;
use std::time::Duration;

/// A token of a PKCS #11 module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// The module: a shared library.
    pub module: PathBuf,
    /// `CK_TOKEN_INFO` label of the token.
    pub label: String,
    /// File whose first line is the PIN of the user.
    pub pin_file: PathBuf,
    /// Sessions at once, and so calls at once; at least one.
    pub sessions: usize,
    /// Budget of one call, waiting for a session included.
    pub timeout: Duration,
}
