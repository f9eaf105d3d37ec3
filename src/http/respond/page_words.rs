//! What a page has to say, and which texts of the locales say it.

use crate::flow::{SetbackReturn, SetbackSentence};

/// Why the identifier is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifyNotice {
    /// The RPPS number without its leading 8.
    ElevenDigits,
    /// Not an identifier.
    Malformed,
    /// Nobody answered on the phone in time.
    Expired,
    /// Too many requests.
    TooMany,
}

/// What went wrong, as the person needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorTitle {
    /// The service's request cannot be followed.
    InvalidRequest,
    /// Too late.
    Expired,
    /// The interaction belongs to another browser (design decision 11).
    OtherBrowser,
    /// Our fault, try again.
    Unavailable,
    /// Too many requests from here.
    TooMany {
        /// Seconds to wait, as in `Retry-After`.
        seconds: u64,
    },
    /// Nothing at this address.
    NotFound,
}

impl IdentifyNotice {
    pub(super) const fn text_id(self) -> &'static str {
        match self {
            Self::ElevenDigits => "notice-eleven-digits",
            Self::Malformed => "notice-malformed",
            Self::Expired => "notice-expired",
            Self::TooMany => "notice-too-many",
        }
    }
}

impl ErrorTitle {
    pub(super) const fn text_ids(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidRequest => ("error-invalid-request", "error-invalid-request-text"),
            Self::Expired => ("error-expired", "error-expired-text"),
            Self::OtherBrowser => ("error-other-browser", "error-other-browser-text"),
            Self::Unavailable => ("error-unavailable", "error-unavailable-text"),
            Self::TooMany { .. } => ("setback-too-many", "error-too-many-text"),
            Self::NotFound => ("error-not-found", "error-not-found-text"),
        }
    }
}

/// Title, explanation, and the words of the way back.
pub(super) const fn setback_text_ids(
    sentence: SetbackSentence,
    back: SetbackReturn,
) -> (&'static str, &'static str, &'static str) {
    match back {
        SetbackReturn::Interaction(_) => {
            let (title, explanation) = sign_in_text_ids(sentence);
            (title, explanation, "setback-back")
        }
        SetbackReturn::Links => {
            let (title, explanation) = link_text_ids(sentence);
            (title, explanation, "setback-back-links")
        }
    }
}

const fn sign_in_text_ids(sentence: SetbackSentence) -> (&'static str, &'static str) {
    match sentence {
        SetbackSentence::Unfinished => ("setback-unfinished", "setback-unfinished-text"),
        SetbackSentence::Unavailable => ("setback-unavailable", "setback-unavailable-text"),
        SetbackSentence::NotAccepted => ("setback-not-accepted", "setback-not-accepted-text"),
        SetbackSentence::LevelTooLow => ("setback-level", "setback-level-text"),
        SetbackSentence::LinkTooLow => ("setback-link-level", "setback-link-level-text"),
        SetbackSentence::NoAccount => ("setback-no-account", "setback-no-account-text"),
        SetbackSentence::AskSupport => ("setback-support", "setback-support-text"),
        SetbackSentence::AccountClosed => ("setback-closed", "setback-closed-text"),
        SetbackSentence::NoPhone => ("setback-no-phone", "setback-no-phone-text"),
        SetbackSentence::TooMany => ("setback-too-many", "setback-too-many-text"),
        SetbackSentence::Taken => ("setback-taken", "setback-taken-text"),
        SetbackSentence::OtherPerson => ("setback-other-person", "setback-other-person-text"),
    }
}

/// Who links an account is signed in already: no other way to sign in is named.
const fn link_text_ids(sentence: SetbackSentence) -> (&'static str, &'static str) {
    match sentence {
        SetbackSentence::Unfinished => ("setback-unfinished", "setback-unfinished-link"),
        SetbackSentence::Unavailable => ("setback-unavailable", "setback-unavailable-link"),
        SetbackSentence::NotAccepted => ("setback-not-accepted", "setback-not-accepted-link"),
        SetbackSentence::LevelTooLow => ("setback-level-link", "setback-level-link-text"),
        other => sign_in_text_ids(other),
    }
}

pub(super) const fn logged_out_text_ids(ended: bool) -> (&'static str, &'static str) {
    if ended { ("logged-out-heading", "logged-out-text") } else { ("logged-in-heading", "logged-in-text") }
}
