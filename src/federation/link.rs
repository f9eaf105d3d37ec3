//! Whose account here an answer of another provider opens.
//!
//! By issuer and subject only (`OpenID` Connect Core 2, 5.7; ASVS 6.8.1): never by e-mail, and by the traits of the civil
//! register only to make a first link, once, to an account that nobody holds yet. In this order:
//!
//! | facts | verdict |
//! |---|---|
//! | level absent, unknown or below the one asked for | `level_too_low` |
//! | link exists, person may not authenticate | `locked`, `deactivated`, `excluded`, `deceased` |
//! | link exists, answer without the traits that the person has | `no_pivot` |
//! | link exists, traits differ: subject given to somebody else, or civil status changed | `pivot_changed`, by hand |
//! | link exists | known |
//! | no link, no traits | `no_pivot` |
//! | no link, level below eidas2 | `level_too_low` |
//! | no account with these traits | `no_account` |
//! | several, whatever their state | `ambiguous` |
//! | one that may not authenticate | as above |
//! | one with a phone, a link or a session | both sides must be proved |
//! | one with none of them | first link |
//!
//! Relinking: when civil status changes, the other provider gives a new subject. No link exists for it, the account found by
//! the new traits has one for the old subject, so both sides must be proved: the phone is the proof.

use super::names::same_identity;
use super::upstream_identity::{UpstreamIdentity, UpstreamKey};
use crate::base::PersonId;
use crate::identity::{Acr, Pivot};

/// The lowest level from which a link is made.
pub const LINK_FLOOR: Acr = Acr::Eidas2;

/// What is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFacts {
    /// The link of this issuer and subject.
    pub existing: Option<ExistingLink>,
    /// The accounts found by the blind index of the traits. They are compared again here.
    pub candidates: Vec<Candidate>,
}

/// A link and the person it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingLink {
    /// Whose link it is; one of another account at another provider counts for nothing.
    pub key: UpstreamKey,
    /// The person.
    pub person: PersonId,
    /// The person's traits: of a patient those of the directory, of a professional those seen when the link was made; none
    /// when the other provider gives none.
    pub pivot: Option<Pivot>,
    /// Whether the person may authenticate.
    pub standing: Standing,
}

/// An account with the same traits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The person.
    pub person: PersonId,
    /// The traits.
    pub pivot: Pivot,
    /// Whether the person may authenticate.
    pub standing: Standing,
    /// Whether a phone was ever enrolled, active or not.
    pub has_device: bool,
    /// Whether a link to any other provider exists.
    pub has_link: bool,
    /// Whether a session is open.
    pub has_session: bool,
}

/// Whether a person may authenticate, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// May.
    Active,
    /// Blocked by an officer.
    Locked,
    /// No longer in the directory.
    Deactivated,
    /// On the exclusion list.
    Excluded,
    /// Dead.
    Deceased,
}

/// What an answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkVerdict {
    /// The person of the existing link.
    Known(PersonId),
    /// A new account: to be linked, told on every known contact, and begun with the cooling period.
    FirstLink(PersonId),
    /// The person must prove this side too, in the same session, by an approval on their phone.
    ProveBothSides(PersonId, OtherSide),
    /// Nobody.
    Refused(LinkRefusal),
}

/// What the account found already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OtherSide {
    /// A phone.
    Device,
    /// A link: to another provider, or to the same one before civil status changed.
    Link,
    /// An open session.
    Session,
}

/// Why an answer leads to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkRefusal {
    /// Below the level asked for, or below [`LINK_FLOOR`] for a first link.
    LevelTooLow,
    /// No traits to compare.
    NoPivot,
    /// The traits are no longer those of the person linked: a case for support.
    PivotChanged,
    /// Nobody has these traits.
    NoAccount,
    /// Several accounts have these traits: a case for support.
    Ambiguous,
    /// Blocked by an officer.
    Locked,
    /// No longer in the directory.
    Deactivated,
    /// On the exclusion list.
    Excluded,
    /// Dead.
    Deceased,
}

impl LinkRefusal {
    /// The machine reason.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LevelTooLow => "level_too_low",
            Self::NoPivot => "no_pivot",
            Self::PivotChanged => "pivot_changed",
            Self::NoAccount => "no_account",
            Self::Ambiguous => "ambiguous",
            Self::Locked => "locked",
            Self::Deactivated => "deactivated",
            Self::Excluded => "excluded",
            Self::Deceased => "deceased",
        }
    }
}

impl LinkVerdict {
    /// The machine reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Known(_) => "known",
            Self::FirstLink(_) => "first_link",
            Self::ProveBothSides(_, OtherSide::Device) => "has_device",
            Self::ProveBothSides(_, OtherSide::Link) => "has_link",
            Self::ProveBothSides(_, OtherSide::Session) => "has_session",
            Self::Refused(refusal) => refusal.as_str(),
        }
    }
}

impl Standing {
    const fn refusal(self) -> Option<LinkRefusal> {
        match self {
            Self::Active => None,
            Self::Locked => Some(LinkRefusal::Locked),
            Self::Deactivated => Some(LinkRefusal::Deactivated),
            Self::Excluded => Some(LinkRefusal::Excluded),
            Self::Deceased => Some(LinkRefusal::Deceased),
        }
    }
}

/// Decides. `requested` is the level that was asked of the other provider; none when none was agreed with it.
#[must_use]
pub fn decide_link(upstream: &UpstreamIdentity, requested: Option<Acr>, facts: &LinkFacts) -> LinkVerdict {
    // ASVS 6.8.4: an absent level is below every level.
    if upstream.acr < requested {
        return LinkVerdict::Refused(LinkRefusal::LevelTooLow);
    }
    let existing = facts.existing.as_ref().filter(|link| link.key == upstream.key);
    let decided = match existing {
        Some(link) => known(upstream, link),
        None => first(upstream, &facts.candidates),
    };
    decided.unwrap_or_else(LinkVerdict::Refused)
}

fn known(upstream: &UpstreamIdentity, link: &ExistingLink) -> Result<LinkVerdict, LinkRefusal> {
    if let Some(refusal) = link.standing.refusal() {
        return Err(refusal);
    }
    match (&link.pivot, &upstream.pivot) {
        (Some(_), None) => Err(LinkRefusal::NoPivot),
        (Some(ours), Some(theirs)) if same_identity(ours, theirs) => Ok(LinkVerdict::Known(link.person)),
        (None, None) => Ok(LinkVerdict::Known(link.person)),
        // Also traits where none were when the link was made: nothing shows that they are this person's.
        (_, Some(_)) => Err(LinkRefusal::PivotChanged),
    }
}

fn first(upstream: &UpstreamIdentity, candidates: &[Candidate]) -> Result<LinkVerdict, LinkRefusal> {
    let pivot = upstream.pivot.as_ref().ok_or(LinkRefusal::NoPivot)?;
    if upstream.acr < Some(LINK_FLOOR) {
        return Err(LinkRefusal::LevelTooLow);
    }
    let mut same = candidates.iter().filter(|candidate| same_identity(&candidate.pivot, pivot));
    let candidate = same.next().ok_or(LinkRefusal::NoAccount)?;
    if same.next().is_some() {
        return Err(LinkRefusal::Ambiguous);
    }
    if let Some(refusal) = candidate.standing.refusal() {
        return Err(refusal);
    }
    let held = [
        (candidate.has_device, OtherSide::Device),
        (candidate.has_link, OtherSide::Link),
        (candidate.has_session, OtherSide::Session),
    ];
    let other_side = held.into_iter().find_map(|(held, side)| held.then_some(side));
    Ok(other_side.map_or(LinkVerdict::FirstLink(candidate.person), |side| {
        LinkVerdict::ProveBothSides(candidate.person, side)
    }))
}
