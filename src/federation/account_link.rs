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
//! alone: a provider whose sign-ins may be worth more than the phone is not linked by it ([`vouches_for`]), and none is worth more
//! than phones are ([`federated_level`]).

use super::names::same_identity;
use super::upstream_identity::UpstreamIdentity;
use crate::base::PersonId;
use crate::identity::{Acr, Pivot, Way};

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

/// Whether a sign-in worth `proved` vouches for an account whose own sign-ins may be worth `reachable`. Traits that were
/// compared vouch by themselves.
#[must_use]
pub fn vouches_for(proved: Option<Acr>, reachable: Acr, traits_compared: bool) -> bool {
    traits_compared || proved >= Some(reachable)
}

/// What a sign-in at another provider is worth here: what it says, never more than was agreed with it (`ceiling`), and where
/// a phone alone vouched for the link never more than phones are worth.
#[must_use]
pub fn federated_level(said: Option<Acr>, ceiling: Acr, vouched_by_phone: bool) -> Acr {
    // ASVS 6.8.4: without a level, the lowest.
    let said = said.unwrap_or(Acr::Eidas1).min(ceiling);
    if vouched_by_phone { said.min(Way::TypedNumber.ceiling()) } else { said }
}
