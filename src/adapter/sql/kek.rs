//! The key-encryption keys: the one in use and, between two of them, another that opens only; and the key records
//! moved from one to the other (design decision 21).
//!
//! A sealed private part names its key-encryption key by [`kek_id`]. Those made before there were two name it 1: each
//! key is tried on them.

use std::fmt;

use super::SqlKeys;
use super::key_parts::Part;
use super::reseal::Resealed;
use super::statements_reseal::KEY_RESEAL;
use crate::base::sha256;
use crate::jose::{SealError, Sealer};
use crate::ports::{Keys as _, PortResult};

/// What sealed private parts call the key-encryption key `kek`: 31 bits of its hash, which tells two keys apart.
#[must_use]
pub fn kek_id(kek: &[u8; 32]) -> u32 {
    let hash = sha256(&[b"sceau key-encryption key\0", kek]);
    let first = hash.first_chunk::<4>().copied().unwrap_or_default();
    u32::from_be_bytes(first) | NAMED
}

/// Seals private parts under `current`; opens what is under it or under `other`.
#[must_use]
pub fn kek_sealer(current: &[u8; 32], other: Option<&[u8; 32]>) -> Sealer {
    let own = Sealer::new(kek_id(current), current).with_previous(UNNAMED, current);
    match other {
        Some(other) => own.with_previous(kek_id(other), other).with_previous(UNNAMED, other),
        None => own,
    }
}

/// Which key-encryption key the key records need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KekCensus {
    /// Records that the current key opens.
    pub current: u64,
    /// Records that only the other one opens.
    pub other: u64,
    /// Records that neither opens, by `kid`, and why.
    pub closed: Vec<(String, SealError)>,
}

impl fmt::Display for KekCensus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let closed = self.closed.len();
        write!(
            f,
            "{} under the key in use, {} under the other, {closed} under neither",
            self.current, self.other
        )
    }
}

impl SqlKeys {
    /// Opens every private part, with `current` alone and then with every key this store holds.
    ///
    /// # Errors
    /// [`crate::ports::PortError`]; a part that does not open is an answer, not an error.
    pub async fn kek_census(&self, current: &Sealer) -> PortResult<KekCensus> {
        let mut census = KekCensus::default();
        for record in self.list().await? {
            let Some(part) = self.part(&record.kid).await? else { continue };
            let Some(sealed) = &part.sealed else { continue };
            if part.open(&record.kid, current, sealed).is_ok() {
                census.current = census.current.saturating_add(1);
                continue;
            }
            match part.open(&record.kid, self.kek(), sealed) {
                Ok(_) => census.other = census.other.saturating_add(1),
                Err(reason) => census.closed.push((record.kid, reason)),
            }
        }
        Ok(census)
    }

    /// Seals every private part anew that does not name the current key-encryption key, one in a transaction.
    ///
    /// # Errors
    /// [`crate::ports::PortError::Unavailable`]; what was done stays done.
    pub async fn reseal(&self) -> PortResult<Resealed> {
        let mut walked = Resealed::of("key_records.sealed_private");
        for record in self.list().await? {
            let kid = &record.kid;
            let Some(part @ Part { sealed: Some(_), .. }) = self.part(kid).await? else { continue };
            walked.total = walked.total.saturating_add(1);
            let read = part.sealed.as_deref().unwrap_or_default();
            if Sealer::key_id(read) == Some(self.kek().current_id()) {
                continue;
            }
            match part.open(kid, self.kek(), read) {
                Err(reason) => walked.refused.push((record.kid, reason)),
                Ok(private) => {
                    let sealed = self.seal_private(kid, part.purpose, &part.algorithm, &private);
                    if self.put_private(kid, read, &sealed).await? {
                        walked.done = walked.done.saturating_add(1);
                    } else {
                        // Destroyed meanwhile: a private part changes in no other way.
                        walked.total = walked.total.saturating_sub(1);
                    }
                }
            }
        }
        Ok(walked)
    }

    async fn put_private(&self, kid: &str, read: &[u8], sealed: &[u8]) -> PortResult<bool> {
        let row: Option<(String,)> = on!(self.db().writer(), |c| sqlx::query_as(KEY_RESEAL)
            .bind(kid)
            .bind(read)
            .bind(sealed)
            .fetch_optional(c))?;
        Ok(row.is_some())
    }
}

/// How every key-encryption key was called before there were two.
const UNNAMED: u32 = 1;
/// Set in every identifier, so that none is 0 or [`UNNAMED`].
const NAMED: u32 = 1 << 31;
