//! The provable form of an event: a canonical record without personal data, and its leaf hash.
//!
//! RFC 9162 2.1.1 (leaf hash with prefix 0x00), RFC 8785 (canonical JSON, here strings only). Personal values
//! are replaced by salted hashes, so that erasing salts and values keeps the tree provable.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use super::AuditEvent;
use crate::base::{Entropy, EntropyExt, Secret, base64url, sha256};

const RECORD_VERSION: &str = "1";
const LEAF_PREFIX: &[u8] = &[0];

/// The place of a record in its lane: one writer's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanePlace {
    /// The lane.
    pub writer: Uuid,
    /// The place in it, from 0.
    pub sequence: u64,
    /// The leaf hash before it; 32 zero bytes for the first.
    pub previous: [u8; 32],
}

/// A record ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The canonical JSON record: sorted members, strings only.
    pub record: Vec<u8>,
    /// SHA-256(0x00 ‖ record).
    pub hash: [u8; 32],
    /// What opens the personal fields; stored apart and erased at the end of retention.
    pub salts: Vec<SaltedField>,
}

/// A personal value and the salt of its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SaltedField {
    /// The field's name in the event; `personal.` and this name in the record.
    pub name: String,
    /// 32 random bytes, drawn for this field of this record.
    pub salt: [u8; 32],
    /// The value.
    pub value: Secret,
}

impl std::fmt::Debug for SaltedField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaltedField").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Makes the leaf of `event` at `place`.
#[must_use]
pub fn leaf(event: &AuditEvent, place: &LanePlace, entropy: &dyn Entropy) -> Leaf {
    let salts = salted(event, entropy);
    let mut members = clear_members(event);
    members.extend([
        (String::from("writer"), place.writer.hyphenated().to_string()),
        (String::from("seq"), place.sequence.to_string()),
        (String::from("prev"), base64url(place.previous)),
    ]);
    members.extend(event.counts.iter().map(|(name, number)| (format!("count.{name}"), number.to_string())));
    members.extend(
        salts.iter().map(|field| {
            (format!("personal.{}", field.name), salted_hash(&field.salt, field.value.expose()))
        }),
    );
    let record = canonical(members);
    Leaf { hash: leaf_hash(&record), record, salts }
}

/// What stands for a personal value in a record: base64url(SHA-256(salt ‖ value)).
#[must_use]
pub fn salted_hash(salt: &[u8; 32], value: &str) -> String {
    base64url(sha256(&[salt, value.as_bytes()]))
}

/// RFC 9162 2.1.1
pub(super) fn leaf_hash(record: &[u8]) -> [u8; 32] {
    sha256(&[LEAF_PREFIX, record])
}

/// Whether `record` says of itself that it stands at `place`.
pub(super) fn stands_at(record: &[u8], place: &LanePlace) -> bool {
    let Ok(members) = serde_json::from_slice::<BTreeMap<String, String>>(record) else { return false };
    let says = |name: &str, value: String| members.get(name) == Some(&value);
    says("writer", place.writer.hyphenated().to_string())
        && says("seq", place.sequence.to_string())
        && says("prev", base64url(place.previous))
}

fn salted(event: &AuditEvent, entropy: &dyn Entropy) -> Vec<SaltedField> {
    // One value per name: a record has each member once.
    let values: BTreeMap<&str, &Secret> =
        event.personal.iter().map(|field| (field.name, &field.value)).collect();
    values
        .into_iter()
        .map(|(name, value)| SaltedField {
            name: name.to_owned(),
            salt: entropy.bytes(),
            value: value.clone(),
        })
        .collect()
}

/// The members that hold no personal value; an absent detail has no member.
fn clear_members(event: &AuditEvent) -> BTreeMap<String, String> {
    [
        ("v", Some(RECORD_VERSION.to_owned())),
        ("id", Some(event.id.to_string())),
        ("at", Some(event.at.millis().to_string())),
        ("kind", Some(event.kind.as_str().to_owned())),
        ("decision", Some(event.decision.as_str().to_owned())),
        ("reason", Some(event.reason.to_owned())),
        ("actor", event.actor.clone()),
        ("person", event.person.map(|person| person.to_string())),
        ("on_behalf_of", event.on_behalf_of.map(|person| person.to_string())),
        ("client", event.client.as_ref().map(ToString::to_string)),
        ("device", event.device.map(|device| device.to_string())),
        ("txn", event.transaction.clone()),
        ("acr", event.acr.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
    .collect()
}

/// RFC 8785 3.2, for ASCII names and string values.
fn canonical(members: BTreeMap<String, String>) -> Vec<u8> {
    // Collected in sorted order: right whether serde_json sorts its maps or keeps insertion order.
    let object = members.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    Value::Object(object).to_string().into_bytes()
}
