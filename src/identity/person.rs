//! A person as this provider keeps them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Patient, Professional, typed_email};
use crate::base::{PersonId, UnixTime};

/// A person of the directory and their state here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The identifier used inside; never seen by a client.
    pub id: PersonId,
    /// The random seed of the pairwise `sub` (`OpenID` Connect Core 8.1). Never changes, moves with a merge.
    pub subject_seed: [u8; 32],
    /// What their directory says.
    #[serde(flatten)]
    pub identity: Identity,
    /// Whether the person may authenticate.
    pub status: PersonStatus,
    /// Until when a phone enrolled after the first link to another provider counts little; none without such a link.
    #[serde(default)]
    pub cooling_until: Option<UnixTime>,
    /// An e-mail address that the person typed for a service that wants one, when their directory tells none. Nothing
    /// shows that it is theirs: no code and no notice is sent there, and it opens nothing.
    #[serde(default)]
    pub declared_email: Option<String>,
}

/// As whom a person is here. A professional who is a patient too is two persons, with nothing in common.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Of the national directory of professionals.
    Professional(Box<Professional>),
    /// Of the directory of patients.
    Patient(Box<Patient>),
}

/// Where a person is reached, as their directory says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contacts {
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

impl Person {
    /// The professional, when the person is one.
    #[must_use]
    pub fn professional(&self) -> Option<&Professional> {
        match &self.identity {
            Identity::Professional(professional) => Some(professional),
            Identity::Patient(_) => None,
        }
    }

    /// The same, to be changed.
    #[must_use]
    pub fn professional_mut(&mut self) -> Option<&mut Professional> {
        match &mut self.identity {
            Identity::Professional(professional) => Some(professional),
            Identity::Patient(_) => None,
        }
    }

    /// The patient, when the person is one.
    #[must_use]
    pub fn patient(&self) -> Option<&Patient> {
        match &self.identity {
            Identity::Professional(_) => None,
            Identity::Patient(patient) => Some(patient),
        }
    }

    /// The same person with the declared address in place of one that the directory does not tell: what a service that
    /// wants an address is told.
    #[must_use]
    pub fn with_declared_email(mut self) -> Self {
        if let Identity::Patient(patient) = &mut self.identity
            && patient.email.as_deref().is_none_or(|email| typed_email(email).is_err())
        {
            patient.email = self.declared_email.clone().or(patient.email.take());
        }
        self
    }

    /// Where the person is reached.
    #[must_use]
    pub fn contacts(&self) -> Contacts {
        let (email, phone) = match &self.identity {
            Identity::Professional(professional) => (&professional.email, &professional.phone),
            Identity::Patient(patient) => (&patient.email, &patient.phone),
        };
        Contacts { email: email.clone(), phone: phone.clone() }
    }

    /// First names and family name, as the person knows themselves.
    #[must_use]
    pub fn spoken_name(&self) -> String {
        match &self.identity {
            Identity::Professional(professional) => {
                format!("{} {}", professional.given_names.join(" "), professional.family_name)
            }
            Identity::Patient(patient) => patient.spoken_name(),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Professional(_) => "Professional([redacted])",
            Self::Patient(_) => "Patient([redacted])",
        })
    }
}

impl fmt::Debug for Contacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contacts([redacted])")
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("id", &self.id).field("status", &self.status).finish_non_exhaustive()
    }
}

/// Whether a person may authenticate and enrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonStatus {
    /// May authenticate and enrol.
    Active,
    /// Blocked by an officer: neither authentication nor a new enrolment.
    Locked,
    /// No longer in the directory; kept so that a return finds the same `sub`.
    Deactivated,
}

impl PersonStatus {
    /// The status as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Deactivated => "deactivated",
        }
    }

    /// The status stored as `text`; none when unknown.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Active, Self::Locked, Self::Deactivated].into_iter().find(|status| status.as_str() == text)
    }
}
