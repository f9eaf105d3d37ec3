//! The claims about a patient, in the formats of `FranceConnect`, and which of them a client may have.
//!
//! `OpenID` Connect Core 5.1, 5.4; scopes of `FranceConnect` v2. `sub` is not made here: it is pairwise and random
//! (Core 8.1), never taken from the INS. No `email_verified` is claimed, and no `email` invented.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{InsEnvironment, InsStatus, Patient};
use crate::oauth::ScopeSet;

/// One claim about a patient. Each is also a scope of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatientClaim {
    /// All first names in one string.
    GivenName,
    /// The list of first names.
    GivenNameArray,
    /// Family name at birth.
    FamilyName,
    /// `YYYY-MM-DD`, `00` for what is unknown.
    Birthdate,
    /// `male`, `female`, `unspecified`.
    Gender,
    /// COG commune; the empty string for births abroad.
    Birthplace,
    /// COG country.
    Birthcountry,
    /// The family name in use, when there is another than that of birth.
    PreferredUsername,
    /// As declared.
    Email,
    /// Matricule, OID and status of the INS.
    Ins,
}

use PatientClaim::{
    Birthcountry, Birthdate, Birthplace, Email, FamilyName, Gender, GivenName, GivenNameArray,
    PreferredUsername,
};

const PROFILE: &[PatientClaim] =
    &[GivenName, GivenNameArray, FamilyName, Birthdate, Gender, PreferredUsername];
const BIRTH: &[PatientClaim] = &[Birthplace, Birthcountry];
/// Without `preferred_username` since v2.
const PIVOT: &[PatientClaim] =
    &[GivenName, GivenNameArray, FamilyName, Birthdate, Gender, Birthplace, Birthcountry];
/// What `FranceConnect` accepts of an identity provider; it refuses the whole answer for any other claim.
const FRANCE_CONNECT: &[PatientClaim] =
    &[GivenName, FamilyName, Birthdate, Gender, Birthplace, Birthcountry, PreferredUsername, Email];

impl PatientClaim {
    /// Every claim.
    pub const ALL: [Self; 10] = [
        GivenName,
        GivenNameArray,
        FamilyName,
        Birthdate,
        Gender,
        Birthplace,
        Birthcountry,
        PreferredUsername,
        Email,
        Self::Ins,
    ];

    /// The claim's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            GivenName => "given_name",
            GivenNameArray => "given_name_array",
            FamilyName => "family_name",
            Birthdate => "birthdate",
            Gender => "gender",
            Birthplace => "birthplace",
            Birthcountry => "birthcountry",
            PreferredUsername => "preferred_username",
            Email => "email",
            Self::Ins => "ins",
        }
    }

    /// The claim called `name`; none when it is no claim of a patient.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.as_str() == name)
    }
}

/// The claims that `scopes` ask for; scopes of other matters ask for none.
#[must_use]
pub fn claims_of_scopes(scopes: &ScopeSet) -> BTreeSet<PatientClaim> {
    let of_group = |scope: &str| match scope {
        "profile" => PROFILE,
        "birth" => BIRTH,
        "identite_pivot" => PIVOT,
        _ => &[],
    };
    scopes
        .iter()
        .flat_map(|scope| of_group(scope).iter().copied().chain(PatientClaim::named(scope)))
        .collect()
}

/// Which claims about patients a client may get at most. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleasePolicy(BTreeSet<PatientClaim>);

impl ReleasePolicy {
    /// A client that may get `claims`.
    #[must_use]
    pub fn of(claims: impl IntoIterator<Item = PatientClaim>) -> Self {
        Self(claims.into_iter().collect())
    }

    /// A hub like `FranceConnect`, for which this provider is an identity provider: the claims it accepts, and no
    /// other.
    #[must_use]
    pub fn for_france_connect() -> Self {
        Self::of(FRANCE_CONNECT.iter().copied())
    }

    /// Whether the client may get `claim`.
    #[must_use]
    pub fn allows(&self, claim: PatientClaim) -> bool {
        self.0.contains(&claim)
    }

    /// The claims of `wanted` that the client may get: what a consent page shows.
    #[must_use]
    pub fn released(&self, wanted: &BTreeSet<PatientClaim>) -> BTreeSet<PatientClaim> {
        self.0.intersection(wanted).copied().collect()
    }
}

/// The claims about `patient` among `wanted` that `policy` lets through. What the patient does not have is left out.
///
/// `ins` is given only of a qualified identity, from a register of `environment`.
#[must_use]
pub fn patient_claims(
    patient: &Patient,
    wanted: &BTreeSet<PatientClaim>,
    policy: &ReleasePolicy,
    environment: InsEnvironment,
) -> Map<String, Value> {
    let claim = |claim: PatientClaim| Some((claim.as_str().to_owned(), value(patient, claim, environment)?));
    policy.released(wanted).into_iter().filter_map(claim).collect()
}

fn value(patient: &Patient, claim: PatientClaim, environment: InsEnvironment) -> Option<Value> {
    let traits = patient.pivot.expose();
    Some(match claim {
        GivenName => json!(traits.given_names.join(" ")),
        GivenNameArray => json!(traits.given_names),
        FamilyName => json!(traits.family_name),
        Birthdate => json!(traits.birth_date.to_string()),
        Gender => json!(traits.sex.as_str()),
        Birthplace => json!(traits.birth_place.as_ref().map_or("", |place| place.as_str())),
        Birthcountry => json!(traits.birth_country.as_str()),
        PreferredUsername => json!(patient.used_family_name.as_deref()?),
        Email => json!(patient.email.as_deref()?),
        PatientClaim::Ins => {
            let ins = patient.releasable_ins(environment)?;
            json!({ "matricule": ins.expose(), "oid": ins.oid().as_str(), "status": InsStatus::Qualified.as_str() })
        }
    })
}
