//! How long the personal values of a record are kept.
//!
//! A year; three for what shows who was given trust and who took it away (security decision 6.3: CNIL 2021-122,
//! documented internal control). Records themselves, which name nobody, stay.

use std::time::Duration;

use super::EventKind;
use crate::base::UnixTime;

/// Times of retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Of most events.
    pub usual: Duration,
    /// Of enrolments, revocations, keys, and acts of officers; not shorter than `usual`.
    pub long: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { usual: Duration::from_hours(365 * 24), long: Duration::from_hours(3 * 365 * 24) }
    }
}

impl Retention {
    /// Whether the personal values of an event of this kind and time are to be erased at `now`. A kind that this
    /// program does not know is kept long.
    #[must_use]
    pub fn is_over(&self, kind: &str, at: UnixTime, now: UnixTime) -> bool {
        let long = EventKind::from_stored(kind).is_none_or(EventKind::is_kept_long);
        now.since(at) >= if long { self.long } else { self.usual }
    }
}

impl EventKind {
    /// Whether the longer retention is for it.
    #[must_use]
    pub const fn is_kept_long(self) -> bool {
        matches!(
            self,
            Self::TokensRevoked
                | Self::ClientRegistered
                | Self::ClientDisabled
                | Self::EnrolmentCodes
                | Self::EnrolmentStarted
                | Self::DeviceEnrolled
                | Self::DeviceAnnounced
                | Self::DeviceRevoked
                | Self::PersonLocked
                | Self::PersonDeactivated
                | Self::PersonMerged
                | Self::UpstreamLinked
                | Self::UpstreamUnlinked
                | Self::PatientsImport
                | Self::DirectoryImport
                | Self::KeyStaged
                | Self::KeyActivated
                | Self::KeyRetired
                | Self::KeyRevoked
                | Self::KeysResealed
                | Self::Representation
                | Self::EvidenceExported
                | Self::RecordsErased
                | Self::RecordsVerified
                | Self::ConfigurationLoaded
                | Self::AdministratorAction
                | Self::DatabaseRestored
        )
    }
}
