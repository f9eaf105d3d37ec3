//! How sure an authentication is: the `acr` ladder, the terms it is computed from, and what a client asks.
//!
//! `OpenID` Connect Core 2 and 3.1.2.1 (`acr`, `amr`, `acr_values`), RFC 8176 (`amr` values); level names
//! of Pro Santé Connect and `FranceConnect`. Evidence itself (attestation, enrolment) is judged elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::{DeviceId, PersonId, UnixTime};

/// The most values read from one `acr_values`.
pub const MAX_ACR_VALUES: usize = 32;

/// The `amr` of an approval on an enrolled phone (RFC 8176 2): a key held in hardware whose possession is
/// proved, and the phone's owner checked by PIN or biometry: two factors.
pub const AMR_PHONE: [&str; 4] = ["hwk", "pop", "user", "mfa"];

/// An assurance level. Compared by order, never by equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acr {
    /// eIDAS low.
    Eidas1,
    /// eIDAS substantial.
    Eidas2,
    /// eIDAS high.
    Eidas3,
}

/// The text is not a level known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown assurance level")]
pub struct AcrError;

impl Acr {
    /// The level as an `acr` value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eidas1 => "eidas1",
            Self::Eidas2 => "eidas2",
            Self::Eidas3 => "eidas3",
        }
    }
}

impl FromStr for Acr {
    type Err = AcrError;

    fn from_str(text: &str) -> Result<Self, AcrError> {
        match text {
            "eidas1" => Ok(Self::Eidas1),
            "eidas2" => Ok(Self::Eidas2),
            "eidas3" => Ok(Self::Eidas3),
            _ => Err(AcrError),
        }
    }
}

impl fmt::Display for Acr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The way by which the browser or terminal and the phone found each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A number shown on one screen and typed on the phone; can be relayed.
    TypedNumber,
    /// A QR code read by the phone; can be relayed.
    Qr,
    /// A link opened on the same phone, finished by the browser that began.
    SamePhoneLink,
    /// Another identity provider answered.
    Federation,
}

impl Way {
    /// The highest level this way can carry.
    #[must_use]
    pub const fn ceiling(self) -> Acr {
        match self {
            Self::TypedNumber | Self::Qr | Self::SamePhoneLink => Acr::Eidas2,
            Self::Federation => Acr::Eidas3,
        }
    }

    /// Whether a look-alike site between browser and phone gains nothing. Of another provider it is not known.
    #[must_use]
    pub const fn phishing_resistant(self) -> bool {
        matches!(self, Self::SamePhoneLink)
    }
}

/// What the operator grants today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssurancePolicy {
    /// No level above this one is issued.
    pub ceiling: Acr,
}

/// The terms of a level, each with the reason it was given, kept so that the level is recomputed at each issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssuranceTerms {
    /// What the enrolment proved.
    pub enrolment: Acr,
    /// Why: a machine word, never empty.
    pub enrolment_reason: String,
    /// What the authenticator's evidence proves.
    pub authenticator: Acr,
    /// Why: a machine word, never empty.
    pub authenticator_reason: String,
    /// The way taken this time.
    pub way: Way,
}

impl AssuranceTerms {
    /// The level reached: the lowest of the enrolment, the authenticator, the ceiling of the way and that of
    /// `policy`. None when a term has no reason: what nobody accounts for proves nothing.
    #[must_use]
    pub fn acr(&self, policy: &AssurancePolicy) -> Option<Acr> {
        if self.enrolment_reason.is_empty() || self.authenticator_reason.is_empty() {
            return None;
        }
        [self.enrolment, self.authenticator, self.way.ceiling(), policy.ceiling].into_iter().min()
    }
}

/// By what the professional authenticated: the `authMode` claim of Pro Santé Connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AuthMode {
    /// The phone.
    Mobile,
    /// The CPS card.
    Card,
    /// Another identity provider; not a value of Pro Santé Connect.
    Federation,
}

impl AuthMode {
    /// The claim's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "MOBILE",
            Self::Card => "CARD",
            Self::Federation => "FEDERATION",
        }
    }
}

/// That a person authenticated, when, and by what: what sessions and tokens are made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationProof {
    /// Who.
    pub person: PersonId,
    /// The phone that approved; none when another provider answered.
    pub device: Option<DeviceId>,
    /// When: the `auth_time` claim.
    pub auth_time: UnixTime,
    /// The `amr` claim (RFC 8176 2).
    pub amr: Vec<String>,
    /// What the level is computed from.
    pub terms: AssuranceTerms,
    /// Phone, card or another provider.
    pub auth_mode: AuthMode,
}

/// What `acr_values` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcrRequest {
    /// The lowest known level named: what must at least be reached. None when no known level is named.
    pub floor: Option<Acr>,
    /// More than [`MAX_ACR_VALUES`] values were sent; only the first ones count.
    pub too_many: bool,
}

/// Reads `acr_values` (`OpenID` Connect Core 3.1.2.1): names separated by spaces, unknown ones ignored.
#[must_use]
pub fn parse_acr_values(text: &str) -> AcrRequest {
    let mut values = text.split(' ').filter(|value| !value.is_empty());
    let floor = values.by_ref().take(MAX_ACR_VALUES).filter_map(|value| value.parse().ok()).min();
    AcrRequest { floor, too_many: values.next().is_some() }
}
