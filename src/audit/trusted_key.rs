//! A key that signs checkpoints, and until when it is believed.
//!
//! Whoever has stolen a key dates what it signs as they like: what was signed before the key was revoked is held by the
//! checkpoints of other keys and of other times alone.

use std::str::FromStr;
use std::time::Duration;

use super::{Checkpoint, CheckpointError, NoteKey, SignedCheckpoint};
use crate::base::UnixTime;

/// A key, and when it was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// The key.
    pub key: NoteKey,
    /// What it signed later proves nothing. None: it was not revoked.
    pub until: Option<UnixTime>,
}

impl TrustedKey {
    /// Whether what it signed at `at` is believed. Clocks of two machines differ, and a signature may be under way while
    /// its key is revoked: a minute is let be.
    #[must_use]
    pub fn stands_at(&self, at: UnixTime) -> bool {
        self.until.is_none_or(|until| at <= until.plus(UNDER_WAY))
    }

    /// The same, revoked at `at` at the latest.
    #[must_use]
    pub fn until(self, at: Option<UnixTime>) -> Self {
        let until = self.until.into_iter().chain(at).min();
        Self { until, ..self }
    }
}

/// `NAME+ID+KEY`, or `NAME+ID+KEY@UNTIL` with the time of its revocation (RFC 3339 5.6).
impl FromStr for TrustedKey {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        // No key holds an @, a name may.
        if let Ok(key) = NoteKey::parse(text) {
            return Ok(Self { key, until: None });
        }
        let (key, until) = text.rsplit_once('@').ok_or(CheckpointError::Key)?;
        let until = until.parse().map_err(|_| CheckpointError::Until)?;
        Ok(Self { key: NoteKey::parse(key)?, until: Some(until) })
    }
}

/// As it is read.
impl std::fmt::Display for TrustedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.key.encoded())?;
        self.until.map_or(Ok(()), |until| write!(f, "@{}", until.rfc3339()))
    }
}

impl SignedCheckpoint {
    /// The checkpoint, once one of `keys` that was not revoked by then is seen to have signed it and none of them wrongly.
    ///
    /// # Errors
    /// [`CheckpointError::UnknownKey`], [`CheckpointError::Signature`] or [`CheckpointError::Revoked`].
    pub fn believed(&self, keys: &[TrustedKey]) -> Result<&Checkpoint, CheckpointError> {
        let all: Vec<NoteKey> = keys.iter().map(|trusted| trusted.key.clone()).collect();
        let checkpoint = self.verify(&all)?;
        let standing: Vec<NoteKey> = keys
            .iter()
            .filter(|trusted| trusted.stands_at(checkpoint.at))
            .map(|trusted| trusted.key.clone())
            .collect();
        if standing.len() == all.len() {
            return Ok(checkpoint);
        }
        self.verify(&standing).map_err(|_| CheckpointError::Revoked)
    }
}

const UNDER_WAY: Duration = Duration::from_mins(1);
