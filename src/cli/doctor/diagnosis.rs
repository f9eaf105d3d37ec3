//! One thing that was looked at, and what was found.

use std::fmt;

use serde_json::{Value, json};

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and will hurt one day.
    Warn,
    /// To be repaired.
    Wrong,
}

impl Verdict {
    /// As it is printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Wrong => "wrong",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// What was looked at, in a word or two.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found; unless all is well, why it matters and what to do.
    pub sentence: String,
}

impl Diagnosis {
    pub(super) fn ok(check: &'static str, sentence: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, sentence: sentence.into() }
    }

    pub(super) fn warn(check: &'static str, sentence: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warn, sentence: sentence.into() }
    }

    pub(super) fn wrong(check: &'static str, sentence: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Wrong, sentence: sentence.into() }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "check": self.check, "verdict": self.verdict.as_str(), "sentence": self.sentence })
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<5}  {}: {}", self.verdict.as_str(), self.check, self.sentence)
    }
}
