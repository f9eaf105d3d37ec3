//! Whether an account at another provider is linked to the person who asks for it here, signed in by their own phone.
//!
//! Both sides are proved: the phone, recently, and the account there, just now. By issuer and subject (`OpenID` Connect Core
//! 2, 5.7; ASVS 6.8.1). In this order:
//!
//! | facts | verdict |
//! |---|---|
//! | level below the one asked for | `level_too_low` |
//! | linked to this person | already |
//! | linked to somebody else | `taken` |
//! | a patient, answer without traits | `no_pivot` |
//! | a patient, traits of somebody else | `traits_differ` |
//! | anything else | link |
//!
//! Nothing is looked for by traits: a professional, who has none here, is linked too. What then vouches for them is the phone
//! alone, so that a provider who may sign in at a higher level than the phone's is not linked by it ([`vouches_for`]).

use super::names::same_identity;
use super::upstream_identity::UpstreamIdentity;
use crate::base::PersonId;
use crate::identity::{Acr, Pivot};

/// What is known of the person who asks, and of the account there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSide {
    /// The person.
    pub person: PersonId,
    /// The traits of a patient; a professional has none.
    pub traits: Option<Pivot>,
    /// Whose link the account there has already.
    pub holder: Option<PersonId>,
}

/// What an answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountLinkVerdict {
    /// The link is made.
    Link,
    /// It was made before.
    Already,
    /// No link.
    Refused(AccountLinkRefusal),
}

/// Why no link is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountLinkRefusal {
    /// Below the level asked for.
    LevelTooLow,
    /// The account there opens somebody else's account here.
    Taken,
    /// No traits to compare with those of the patient.
    NoPivot,
    /// The traits are not those of the patient.
    TraitsDiffer,
}

impl AccountLinkRefusal {
    /// The machine reason.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LevelTooLow => "level_too_low",
            Self::Taken => "taken",
            Self::NoPivot => "no_pivot",
            Self::TraitsDiffer => "traits_differ",
        }
    }
}

/// Decides. `requested` is the level that was asked of the other provider; none when none was agreed with it.
#[must_use]
pub fn decide_account_link(
    upstream: &UpstreamIdentity,
    requested: Option<Acr>,
    side: &AccountSide,
) -> AccountLinkVerdict {
    // ASVS 6.8.4: an absent level is below every level.
    if upstream.acr < requested {
        return AccountLinkVerdict::Refused(AccountLinkRefusal::LevelTooLow);
    }
    match side.holder {
        Some(holder) if holder == side.person => return AccountLinkVerdict::Already,
        Some(_) => return AccountLinkVerdict::Refused(AccountLinkRefusal::Taken),
        None => {}
    }
    match (&side.traits, &upstream.pivot) {
        (Some(_), None) => AccountLinkVerdict::Refused(AccountLinkRefusal::NoPivot),
        (Some(ours), Some(theirs)) if !same_identity(ours, theirs) => {
            AccountLinkVerdict::Refused(AccountLinkRefusal::TraitsDiffer)
        }
        (Some(_) | None, _) => AccountLinkVerdict::Link,
    }
}

/// Whether a sign-in worth `proved` vouches for an account at a provider that reaches `ceiling`. Traits that were compared
/// vouch by themselves.
#[must_use]
pub fn vouches_for(proved: Option<Acr>, ceiling: Acr, traits_compared: bool) -> bool {
    traits_compared || proved >= Some(ceiling)
}
