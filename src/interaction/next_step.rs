//! The hub's decision (design, "The walk"): given all that is known, what comes next.
//!
//! Pure and total. Rules in order, first match wins:
//!
//! | # | when | then |
//! |---|---|---|
//! | 1 | the person cancelled or refused the consent | `access_denied` |
//! | 2 | the phone denied, or three wrong numbers | `access_denied` |
//! | 3 | the asked level, or the least the client takes, is above what any way here reaches | `unmet_authentication_requirements` |
//! | 4 | the phone is asked and in time | wait |
//! | 5 | a fresh proof of the wrong person | `login_required` |
//! | 6 | a fresh proof below the asked level | `unmet_authentication_requirements` |
//! | 7 | no usable proof, `prompt=none` | `login_required` |
//! | 8 | no usable proof | identify |
//! | 9 | no e-mail address for a client that wants one, `prompt=none` | `interaction_required` |
//! | 10 | no e-mail address for a client that wants one | ask for it |
//! | 11 | not said for whom they act, `prompt=none` | `interaction_required` |
//! | 12 | not said for whom they act | ask |
//! | 13 | they may not act for that one any more | `access_denied` |
//! | 14 | consent missing, `prompt=none` | `consent_required` |
//! | 15 | consent missing | consent |
//! | 16 | otherwise | issue |

use std::time::Duration;

use crate::base::{PersonId, UnixTime};
use crate::identity::{Acr, AssurancePolicy, AuthenticationProof, Way, parse_acr_values};
use crate::oauth::ErrorCode;
use crate::oidc::{AuthenticationRequest, Prompt};

use super::Refusal;

/// What the phone has done about this interaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalProgress {
    /// It was not asked.
    None,
    /// Asked, in time, not answered.
    Waiting,
    /// It said no.
    Denied,
    /// Too many wrong numbers.
    Locked,
    /// Not answered in time.
    Expired,
}

/// What is known of the person's consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentProgress {
    /// Not asked of this client.
    NotNeeded,
    /// Asked and missing.
    Missing,
    /// Given now, or remembered where memory suffices.
    Given,
}

/// What is known of whom the person acts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepresentationProgress {
    /// Not asked for, or they may act for nobody else.
    NotNeeded,
    /// They may act for somebody else and have not said.
    Missing,
    /// Said in this interaction, and true now.
    Chosen,
    /// Said in this interaction, and true no more.
    Ended,
}

/// All that bears on the next step.
pub struct Situation<'a> {
    /// The request.
    pub request: &'a AuthenticationRequest,
    /// When the browser opened the interaction: what forces a new authentication wants one made since.
    pub opened: UnixTime,
    /// The browser's session.
    pub session: Option<&'a AuthenticationProof>,
    /// Authentication made in this interaction.
    pub fresh: Option<&'a AuthenticationProof>,
    /// What the phone has done.
    pub approval: ApprovalProgress,
    /// The person named by `id_token_hint`; `Some(None)` is a hint that names nobody here.
    pub hinted: Option<Option<PersonId>>,
    /// The client wants an e-mail address, and none is known of the person of the usable proof.
    pub lacks_email: bool,
    /// For whom the person of the usable proof acts.
    pub representation: RepresentationProgress,
    /// Consent of the person of the usable proof.
    pub consent: ConsentProgress,
    /// The person said no on a page.
    pub refusal: Option<Refusal>,
    /// The lowest level that the client takes, whatever it asks.
    pub minimum: Option<Acr>,
    /// The highest level of the other providers; none without any.
    pub upstreams: Option<Acr>,
    /// Assurance policy in force.
    pub policy: &'a AssurancePolicy,
    /// Now.
    pub now: UnixTime,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Ask who the person is; `expired` when an approval has just died unanswered.
    Identify {
        /// The last approval died unanswered.
        expired: bool,
    },
    /// Wait for the phone.
    Approve,
    /// Ask for an e-mail address.
    Email,
    /// Ask for whom they act.
    Represent,
    /// Ask for consent.
    Consent,
    /// Issue a code on this proof; `renew` when it was made in this interaction and begins a new session.
    Issue {
        /// The proof.
        proof: Box<AuthenticationProof>,
        /// A new session begins.
        renew: bool,
    },
    /// Answer the client with an error.
    Refuse {
        /// Wire code.
        code: ErrorCode,
        /// Static text for the client's developer.
        public: &'static str,
    },
}

/// Decides what comes next. See the table of this module.
#[must_use]
pub fn decide(situation: &Situation<'_>) -> NextStep {
    if let Some(refusal) = refused_by_person(situation) {
        return refusal;
    }
    let floor = required_acr(situation.request).max(situation.minimum);
    // Rule 3. The ways of this provider end at the ceiling of the best of them.
    if floor.is_some_and(|floor| floor > best_reachable(situation)) {
        return refuse(
            ErrorCode::UnmetAuthenticationRequirements,
            "the requested acr cannot be reached here",
        );
    }
    if situation.approval == ApprovalProgress::Waiting {
        return NextStep::Approve;
    }
    match usable_proof(situation, floor) {
        Usable::Refused(refusal) => refusal,
        Usable::None if has_prompt(situation, Prompt::None) => {
            refuse(ErrorCode::LoginRequired, "the person must authenticate")
        }
        Usable::None => NextStep::Identify { expired: situation.approval == ApprovalProgress::Expired },
        Usable::Proof { .. } if situation.lacks_email && has_prompt(situation, Prompt::None) => {
            refuse(ErrorCode::InteractionRequired, "the person must give an e-mail address")
        }
        Usable::Proof { .. } if situation.lacks_email => NextStep::Email,
        Usable::Proof { proof, renew } => with_representation(situation, proof, renew),
    }
}

fn refused_by_person(situation: &Situation<'_>) -> Option<NextStep> {
    let public = match (situation.refusal, situation.approval) {
        (Some(Refusal::Cancelled), _) => "the person cancelled",
        (Some(Refusal::Consent), _) => "the person refused the consent",
        (None, ApprovalProgress::Denied) => "the person denied the request",
        (None, ApprovalProgress::Locked) => "too many wrong numbers",
        (None, _) => return None,
    };
    Some(refuse(ErrorCode::AccessDenied, public))
}

enum Usable<'a> {
    None,
    Proof { proof: &'a AuthenticationProof, renew: bool },
    Refused(NextStep),
}

fn usable_proof<'a>(situation: &Situation<'a>, floor: Option<Acr>) -> Usable<'a> {
    let right_person = |proof: &AuthenticationProof| match situation.hinted {
        None => true,
        Some(hinted) => hinted == Some(proof.person),
    };
    let high_enough = |proof: &AuthenticationProof| match (floor, proof.terms.acr(situation.policy)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(floor), Some(acr)) => acr >= floor,
    };
    if let Some(proof) = situation.fresh {
        // OpenID Connect Core 3.1.2.2: the hint names who must be authenticated.
        if !right_person(proof) {
            return Usable::Refused(refuse(
                ErrorCode::LoginRequired,
                "another person than the hinted one authenticated",
            ));
        }
        if !high_enough(proof) {
            return Usable::Refused(refuse(
                ErrorCode::UnmetAuthenticationRequirements,
                "the requested acr was not reached",
            ));
        }
        return Usable::Proof { proof, renew: true };
    }
    match situation.session {
        Some(proof) if right_person(proof) && high_enough(proof) && recent_enough(situation, proof) => {
            Usable::Proof { proof, renew: false }
        }
        _ => Usable::None,
    }
}

/// `OpenID` Connect Core 3.1.2.1: `prompt=login` and `max_age` force a new authentication.
fn recent_enough(situation: &Situation<'_>, proof: &AuthenticationProof) -> bool {
    if proof.auth_time > situation.opened {
        return true;
    }
    if has_prompt(situation, Prompt::Login) || has_prompt(situation, Prompt::SelectAccount) {
        return false;
    }
    match situation.request.max_age {
        None => true,
        // `max_age=0` is `prompt=login`.
        Some(0) => false,
        Some(age) => situation.now.since(proof.auth_time) <= Duration::from_secs(age),
    }
}

fn with_representation(situation: &Situation<'_>, proof: &AuthenticationProof, renew: bool) -> NextStep {
    match situation.representation {
        // OpenID Connect Core 3.1.2.6: a choice is never remembered.
        RepresentationProgress::Missing if has_prompt(situation, Prompt::None) => {
            refuse(ErrorCode::InteractionRequired, "the person must say for whom they act")
        }
        RepresentationProgress::Missing => NextStep::Represent,
        RepresentationProgress::Ended => {
            refuse(ErrorCode::AccessDenied, "the person may not act for that person any more")
        }
        RepresentationProgress::NotNeeded | RepresentationProgress::Chosen => {
            with_consent(situation, proof, renew)
        }
    }
}

fn with_consent(situation: &Situation<'_>, proof: &AuthenticationProof, renew: bool) -> NextStep {
    match situation.consent {
        ConsentProgress::Missing if has_prompt(situation, Prompt::None) => {
            refuse(ErrorCode::ConsentRequired, "the person must consent")
        }
        ConsentProgress::Missing => NextStep::Consent,
        ConsentProgress::NotNeeded | ConsentProgress::Given => {
            NextStep::Issue { proof: Box::new(proof.clone()), renew }
        }
    }
}

/// The level asked for: the lowest known value of `acr_values`, or of an essential `acr` claim (OpenID Connect Core
/// 5.5.1.1), whichever is higher. Unknown values are ignored; an essential claim with none known cannot be met.
#[must_use]
pub fn required_acr(request: &AuthenticationRequest) -> Option<Acr> {
    let asked = request.acr_values.as_deref().and_then(|values| parse_acr_values(values).floor);
    let essential =
        request.claims.id_token.get("acr").filter(|spec| spec.essential && !spec.values.is_empty());
    let essential = essential
        .map(|spec| spec.values.iter().filter_map(|value| value.parse().ok()).min().unwrap_or(Acr::Eidas3));
    asked.max(essential)
}

fn best_reachable(situation: &Situation<'_>) -> Acr {
    let phone = Way::TypedNumber.ceiling();
    situation.upstreams.map_or(phone, |upstream| phone.max(upstream)).min(situation.policy.ceiling)
}

fn has_prompt(situation: &Situation<'_>, prompt: Prompt) -> bool {
    situation.request.prompt.contains(prompt)
}

fn refuse(code: ErrorCode, public: &'static str) -> NextStep {
    NextStep::Refuse { code, public }
}
