//! Browsers on which a person has signed in before: strangers who fill the person's places do not keep them out
//! (design decision 12).
//!
//! The cookie says nothing about anybody: each entry is its end, 16 random bytes and a MAC of both over the recipient,
//! so that only an identifier typed again tells whose it is. It gives a place in the queue and nothing else.

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use crate::approval::Recipient;
use crate::base::{EntropyExt, Secret, UnixTime, base64url, from_base64url};
use crate::ports::OpenLimits;

use super::Provider;

/// How long a browser is remembered after a sign-in.
pub const KNOWN_FOR: Duration = Duration::from_hours(180 * 24);
/// Persons of one browser: a workstation is shared.
const MAX_ENTRIES: usize = 8;

impl Provider {
    /// How many approvals may wait when this browser asks: strangers never take the places of a known one.
    pub(super) fn places(&self, known: Option<&Secret>, recipient: &Recipient, now: UnixTime) -> OpenLimits {
        let strangers = self.policy.live_approvals;
        let is_known = entries(known).any(|entry| self.is_of(&entry, recipient, now));
        OpenLimits { live: if is_known { strangers.saturating_mul(2) } else { strangers } }
    }

    /// The cookie of a browser on which the person of `recipient` has just signed in; `known` is the one it had.
    pub(super) fn remember_browser(
        &self,
        known: Option<&Secret>,
        recipient: &Recipient,
        now: UnixTime,
    ) -> Secret {
        let ends = now.plus(KNOWN_FOR);
        let random = self.ports.entropy.bytes::<16>();
        let mut newest = Vec::with_capacity(ENTRY);
        newest.extend(ends.millis().to_be_bytes());
        newest.extend(random);
        newest.extend(self.known_mac(&newest, recipient));
        let others = entries(known)
            .filter(|entry| end_of(entry).is_some_and(|end| now < end) && !self.is_of(entry, recipient, now));
        let kept = std::iter::once(newest).chain(others).take(MAX_ENTRIES).map(base64url);
        Secret::new(kept.collect::<Vec<_>>().join("."))
    }

    fn is_of(&self, entry: &[u8], recipient: &Recipient, now: UnixTime) -> bool {
        let Some((said, mac)) = entry.split_at_checked(SAID) else { return false };
        let ours = mac.ct_eq(&self.known_mac(said, recipient)).into();
        ours && end_of(entry).is_some_and(|end| now < end)
    }

    fn known_mac(&self, said: &[u8], recipient: &Recipient) -> [u8; 32] {
        self.storage.mac("known_browser", &[said, recipient.as_bytes()])
    }
}

/// The well-formed entries of a cookie.
fn entries(known: Option<&Secret>) -> impl Iterator<Item = Vec<u8>> {
    let texts = known.map_or("", Secret::expose).split('.').take(MAX_ENTRIES);
    texts.filter_map(|text| from_base64url(text).ok()).filter(|entry| entry.len() == ENTRY)
}

fn end_of(entry: &[u8]) -> Option<UnixTime> {
    entry.first_chunk::<8>().map(|end| UnixTime::from_millis(i64::from_be_bytes(*end)))
}

/// Bytes before the MAC: end and random.
const SAID: usize = 8 + 16;
const ENTRY: usize = SAID + 32;
