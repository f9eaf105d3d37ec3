//! What follows from one state of the keys: the published set, written once, and who signs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::published::Document;
use crate::base::UnixTime;
use crate::keyring::{KeyRecord, View, published};

/// One state of the keys, and what follows from it.
pub(super) struct Known {
    pub(super) view: View,
    /// Of this state of the keys, no other.
    pub(super) version: u64,
    pub(super) jwks: Arc<Value>,
    pub(super) document: Arc<Document>,
    /// Signers found for this state, each good within the second it was found in.
    signers: BTreeMap<String, (i64, String)>,
}

impl Known {
    pub(super) fn new(view: View, version: u64) -> Self {
        let jwks = Arc::new(jwk_set(view.records()));
        let document = Arc::new(Document::of(&jwks));
        Self { view, version, jwks, document, signers: BTreeMap::new() }
    }

    /// After a change of the view.
    pub(super) fn renew(&mut self) {
        let version = self.version.saturating_add(1);
        let view = self.view.clone();
        *self = Self::new(view, version);
    }

    /// The signer found within the second of `now`.
    pub(super) fn found_signer(&self, algorithm: &str, now: UnixTime) -> Option<String> {
        let (second, kid) = self.signers.get(algorithm)?;
        (*second == now.secs()).then(|| kid.clone())
    }

    /// Remembers what was found for the state `version`, unless that has passed.
    pub(super) fn note_signer(&mut self, algorithm: &str, kid: &str, version: u64, now: UnixTime) {
        if self.version == version {
            self.signers.insert(algorithm.to_owned(), (now.secs(), kid.to_owned()));
        }
    }
}

/// The JWK Set of `records` (RFC 7517 5).
pub(super) fn jwk_set(records: &[KeyRecord]) -> Value {
    let keys: Vec<Value> = published(records).into_iter().filter_map(|key| key.public_jwk.clone()).collect();
    json!({ "keys": keys })
}
