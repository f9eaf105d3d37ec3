//! Acting for another person: a parent for a child under 16, a legal guardian.
//!
//! Claims: RFC 8693 4.1 (`act`): `sub` is the person acted for, `act.sub` the one who authenticated. Neither the
//! consent nor the audit of it is here.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Patient, PatientRef};
use crate::base::{PersonId, UnixTime};

/// From this age a patient has an account of their own, and a parent no longer acts for them.
pub const AGE_OF_OWN_ACCOUNT: i16 = 16;

/// That somebody may act for a patient. Written in the record of the one acted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardianship {
    /// Who acts.
    pub guardian_ref: PatientRef,
    /// In which quality.
    pub kind: GuardianKind,
    /// The last day, included. A legal guardian always has one.
    pub until: Option<Date>,
}

/// In which quality somebody acts for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardianKind {
    /// Holder of parental authority, for a child under 16.
    Parent,
    /// By the decision of a judge, for its term.
    LegalGuardian,
}

/// For whom somebody acts, as they chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnBehalf {
    /// The person acted for.
    pub person: PersonId,
    /// In which quality.
    pub kind: GuardianKind,
    /// When it was chosen: what ends the person acted for at this time or later ends this too.
    pub since: UnixTime,
}

/// Why somebody may not act for another today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepresentationRefusal {
    /// Nobody represents themself.
    #[error("the same person")]
    Oneself,
    /// One of the two is dead.
    #[error("one of the two is deceased")]
    Deceased,
    /// The directory knows no such tie.
    #[error("no guardian of this person")]
    NotGuardian,
    /// The last day is over, or a legal guardian has none.
    #[error("the term is over")]
    Expired,
    /// The child is 16, or may be.
    #[error("no longer a child under 16")]
    NotAChild,
}

impl RepresentationRefusal {
    /// The machine reason.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oneself => "oneself",
            Self::Deceased => "deceased",
            Self::NotGuardian => "not_guardian",
            Self::Expired => "expired",
            Self::NotAChild => "not_a_child",
        }
    }
}

impl GuardianKind {
    /// The kind as stored and as claimed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::LegalGuardian => "legal_guardian",
        }
    }

    /// The kind written `text`; none when unknown.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Parent, Self::LegalGuardian].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Whether `guardian` may act for `patient` at `now`, and in which quality.
///
/// Days are those of UTC+2: in winter a right ends an hour early in France, never late. A presumed birth date counts
/// from the first day it may be. Standing of the two accounts is the caller's to check.
///
/// # Errors
/// [`RepresentationRefusal`].
pub fn may_represent(
    guardian: &Patient,
    patient: &Patient,
    now: UnixTime,
) -> Result<GuardianKind, RepresentationRefusal> {
    if guardian.reference == patient.reference {
        return Err(RepresentationRefusal::Oneself);
    }
    if guardian.deceased || patient.deceased {
        return Err(RepresentationRefusal::Deceased);
    }
    let mut ties = patient.guardians.iter().filter(|tie| tie.guardian_ref == guardian.reference);
    let tie = ties.next().ok_or(RepresentationRefusal::NotGuardian)?;
    let today = day_of(now).ok_or(RepresentationRefusal::Expired)?;
    let in_term = tie.until.map_or(tie.kind == GuardianKind::Parent, |until| today <= until);
    if !in_term {
        return Err(RepresentationRefusal::Expired);
    }
    let child = patient.pivot.expose().birth_date.surely_under(AGE_OF_OWN_ACCOUNT, today);
    if tie.kind == GuardianKind::Parent && !child {
        return Err(RepresentationRefusal::NotAChild);
    }
    Ok(tie.kind)
}

/// The claims to add to a token whose `sub` is the person acted for.
///
/// `act` (RFC 8693 4.1) names who authenticated, by their pairwise `sub` at the same client, and nothing else: the claims
/// `acr`, `amr` and `auth_time` of such a token tell how the actor authenticated. `representation` is the quality
/// in which they act; it is about the tie, so it is not within `act`.
#[must_use]
pub fn on_behalf_claims(actor_sub: &str, kind: GuardianKind) -> Map<String, Value> {
    let claims = [("act", json!({ "sub": actor_sub })), ("representation", json!(kind.as_str()))];
    claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn day_of(now: UnixTime) -> Option<Date> {
    Timestamp::from_second(now.secs()).ok().map(|at| Offset::constant(2).to_datetime(at).date())
}
