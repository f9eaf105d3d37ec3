//! What can go wrong on the phone's side.

use super::TransportError;

/// Why an action of the phone did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// The state file (or the file of the test root) cannot be read or written.
    #[error("state: {0}")]
    State(String),
    /// The server was not reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server's answer lacks this member, or has another type there.
    #[error("unexpected answer: {0}")]
    Answer(&'static str),
    /// The server refused.
    #[error("refused: {}", .0.error)]
    Refused(Refusal),
    /// The server asks to sign something else than it shows: nothing was signed.
    #[error("the server's challenge is not that of the text shown: {0}")]
    NotWhatIsShown(&'static str),
    /// The phone is not enrolled.
    #[error("this phone is not enrolled")]
    NotEnrolled,
    /// The phone is enrolled already.
    #[error("this phone is enrolled already")]
    AlreadyEnrolled,
    /// What was read is a code of another server.
    #[error("the code is of another server")]
    OtherServer,
    /// No request waits for an approval.
    #[error("nothing is pending")]
    NothingPending,
    /// Several requests wait: one must be named.
    #[error("several requests are pending: name one")]
    SeveralPending,
    /// A key, certificate or encoding could not be made.
    #[error("cryptography: {0}")]
    Crypto(&'static str),
}

/// A refusal as the server words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Error code, such as `wrong_number`.
    pub error: String,
    /// Tries left, with `wrong_number`.
    pub tries_left: Option<u64>,
    /// What the approval became, with `approval_ended`.
    pub approval: Option<String>,
}
