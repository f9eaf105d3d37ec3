//! By whom a request for approval may be answered: by any phone of the person it names, or by the one phone that read
//! its QR code.
//!
//! A claim is made once and for good: who reads the same code later gains nothing. It decides nothing yet, the
//! number and the assertion do (design, "The walk").

use serde::{Deserialize, Serialize};

use super::{Recipient, StoredApproval};
use crate::base::{DeviceId, PersonId, UnixTime};
use crate::identity::Way;

/// How the phone that answers is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// By the person that was named: any phone of theirs.
    #[default]
    Addressed,
    /// By a QR code that no phone has read yet: none may answer.
    Open,
    /// By a QR code: the phone that read it first, and no other.
    By(DeviceId),
}

impl Claim {
    /// Whether a phone of the right person may answer.
    #[must_use]
    pub fn admits(self, device: DeviceId) -> bool {
        match self {
            Self::Addressed => true,
            Self::Open => false,
            Self::By(claimant) => claimant == device,
        }
    }

    /// The way an answer takes.
    #[must_use]
    pub const fn way(self) -> Way {
        match self {
            Self::Addressed => Way::TypedNumber,
            Self::Open | Self::By(_) => Way::Qr,
        }
    }
}

/// The phone that read a QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The phone.
    pub device: DeviceId,
    /// Its person.
    pub person: PersonId,
    /// Under which what it claimed is listed from now on.
    pub recipient: Recipient,
}

/// What a claim gives.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimVerdict {
    /// It is this phone's, once stored.
    Claimed(Box<StoredApproval>),
    /// It was this phone's before: nothing changes.
    Own(Box<StoredApproval>),
    /// Another phone was faster.
    Taken,
    /// It is over, or not one that is claimed.
    Gone,
}

impl StoredApproval {
    /// Judges a claim.
    #[must_use]
    pub fn claim(self, claimant: &Claimant, now: UnixTime) -> ClaimVerdict {
        let Self::Pending(pending) = self.seen_at(now) else { return ClaimVerdict::Gone };
        match pending.request().claim {
            Claim::Open => ClaimVerdict::Claimed(Box::new(Self::Pending(pending.claimed(claimant)))),
            Claim::By(device) if device == claimant.device => {
                ClaimVerdict::Own(Box::new(Self::Pending(pending)))
            }
            Claim::By(_) => ClaimVerdict::Taken,
            Claim::Addressed => ClaimVerdict::Gone,
        }
    }
}
