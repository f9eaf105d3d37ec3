//! Whom a hub of identity providers like `FranceConnect` can be told of: what it validates of an identity before it
//! takes the answer. A claim is never made up to please it.

use super::{Person, typed_email};

/// Why a person cannot be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubRefusal {
    /// The person is here as a professional.
    NotAPatient,
    /// No e-mail address is known, and the hub wants one.
    NoEmail,
    /// A name is longer than 256 characters, or commune and country of birth disagree.
    Traits,
}

impl HubRefusal {
    /// The sentence for the client's developer.
    #[must_use]
    pub const fn public(self) -> &'static str {
        match self {
            Self::NotAPatient => "this service is for patients, and the person signed in as a professional",
            Self::NoEmail => "no e-mail address is known of the person",
            Self::Traits => "the identity is not one that the hub accepts; see the support of this provider",
        }
    }
}

/// Why a hub would refuse `person`; none when it would not.
#[must_use]
pub fn hub_refusal(person: &Person) -> Option<HubRefusal> {
    let Some(patient) = person.patient() else { return Some(HubRefusal::NotAPatient) };
    let traits = patient.pivot.expose();
    let fits = |name: &str| (1..=MAX_NAME).contains(&name.chars().count());
    let names = fits(&traits.given_names.join(" ")) && fits(&traits.family_name);
    let birth = traits.birth_place.is_some() == (traits.birth_country.as_str() == FRANCE);
    if !names || !birth {
        return Some(HubRefusal::Traits);
    }
    let email = patient.email.as_deref().is_some_and(|email| typed_email(email).is_ok());
    (!email).then_some(HubRefusal::NoEmail)
}

const MAX_NAME: usize = 256;
/// The code of France (COG).
const FRANCE: &str = "99100";
