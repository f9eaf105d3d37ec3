//! What a person is told when a sign-in at another provider came to nothing, and where it leads back to.

use crate::base::{AuditId, InteractionId};
use crate::federation::UpstreamProvider;
use crate::interaction::{Interaction, Locale};
use crate::ports::UpstreamError;

/// A sign-in by another provider that came to nothing; the interaction is still open.
#[derive(Clone, Debug)]
pub struct Setback {
    /// Where to go back to.
    pub back: SetbackReturn,
    /// Language of the page.
    pub locale: Locale,
    /// The provider's name.
    pub provider: String,
    /// What to tell the person.
    pub sentence: SetbackSentence,
    /// Under what the audit log has it.
    pub reference: AuditId,
}

/// Where a sign-in at another provider began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetbackReturn {
    /// An interaction, still open.
    Interaction(InteractionId),
    /// The links of the person's own account.
    Links,
}

/// What the person is told; the audit log knows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetbackSentence {
    /// The person did not finish there.
    Unfinished,
    /// The provider does not answer.
    Unavailable,
    /// Its answer cannot be accepted.
    NotAccepted,
    /// It did not identify the person surely enough.
    LevelTooLow,
    /// It did not identify the person surely enough to lead to an account the first time.
    LinkTooLow,
    /// Nobody here has this identity.
    NoAccount,
    /// Only support can tell who this is.
    AskSupport,
    /// The account may not be used.
    AccountClosed,
    /// The account has to be proved by a phone, and has none in use.
    NoPhone,
    /// Too many requests wait.
    TooMany,
    /// The account there opens somebody else's account here.
    Taken,
    /// The account there is somebody else's.
    OtherPerson,
}

/// What a failed call is called, and what the person is told.
pub(super) const fn upstream_words(error: UpstreamError) -> (&'static str, SetbackSentence) {
    match error {
        UpstreamError::Unavailable(outage) => (outage.as_str(), SetbackSentence::Unavailable),
        UpstreamError::Refused(refusal) => (refusal.as_str(), SetbackSentence::NotAccepted),
    }
}

pub(super) fn setback(
    interaction: &Interaction,
    provider: &UpstreamProvider,
    (sentence, reference): (SetbackSentence, AuditId),
) -> Setback {
    Setback {
        back: SetbackReturn::Interaction(interaction.id),
        locale: interaction.locale,
        provider: provider.name.clone(),
        sentence,
        reference,
    }
}
