//! Why the claims of another provider are refused: one machine word each, and the claim, never a value.

/// What is wrong with which claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", claim)]
pub struct ClaimsError {
    /// The claim.
    pub claim: &'static str,
    /// What is wrong with it.
    pub reason: ClaimsReason,
}

/// What can be wrong with a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsReason {
    /// A claim that must be there is not.
    #[error("missing")]
    Missing,
    /// Another JSON type.
    #[error("wrong type")]
    WrongType,
    /// Another form or length.
    #[error("malformed")]
    Malformed,
    /// Not what was expected, or not the same in ID token and userinfo.
    #[error("mismatch")]
    Mismatch,
    /// `given_name` and `given_name_array` do not say the same.
    #[error("disagrees with the list")]
    Disagrees,
    /// Present for somebody born abroad.
    #[error("given for a birth abroad")]
    Abroad,
    /// Some of the claims taken from the national register are there, others not.
    #[error("incomplete set")]
    Incomplete,
    /// Below the level asked for.
    #[error("too low")]
    TooLow,
    /// Later than now.
    #[error("in the future")]
    Future,
}

impl ClaimsReason {
    /// The machine reason.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::WrongType => "wrong_type",
            Self::Malformed => "malformed",
            Self::Mismatch => "mismatch",
            Self::Disagrees => "disagrees",
            Self::Abroad => "abroad",
            Self::Incomplete => "incomplete",
            Self::TooLow => "too_low",
            Self::Future => "future",
        }
    }
}

impl ClaimsError {
    pub(super) const fn new(claim: &'static str, reason: ClaimsReason) -> Self {
        Self { claim, reason }
    }

    pub(super) const fn malformed(claim: &'static str) -> Self {
        Self::new(claim, ClaimsReason::Malformed)
    }
}
