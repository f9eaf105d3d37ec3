//! What is read in groups: the rows of many keys by one statement. `place` says for which key a row is, from 1.

use super::group_read::Texts;
use super::statements::{
    DECISION_FIND, DEVICE_FIND, DEVICE_FIND_BY_JKT, DEVICE_LIST, FAMILY_FIND, PERSON_FIND,
    PERSON_FIND_BY_INDEX,
};

/// What PostgreSQL alone runs, by name.
pub const GROUPS_ONLY_POSTGRES: [(&str, &str); 7] = [
    ("persons_find", PERSONS_FIND),
    ("persons_find_by_index", PERSONS_FIND_BY_INDEX),
    ("devices_find", DEVICES_FIND),
    ("devices_find_by_jkt", DEVICES_FIND_BY_JKT),
    ("devices_list", DEVICES_LIST),
    ("families_find", FAMILIES_FIND),
    ("decisions_find", DECISIONS_FIND),
];

pub(super) const PERSONS_FIND: &str = "SELECT p.id, p.status, p.sealed, k.place \
     FROM unnest($1::uuid[]) WITH ORDINALITY AS k (key, place) JOIN persons p ON p.id = k.key";
pub(super) const PERSONS_FIND_BY_INDEX: &str = "SELECT p.id, p.status, p.sealed, k.place \
     FROM unnest($1::bytea[]) WITH ORDINALITY AS k (key, place) JOIN persons p ON p.national_index = k.key";
pub(super) const DEVICES_FIND: &str = "SELECT d.id, d.status, d.sign_count, d.sealed, k.place \
     FROM unnest($1::uuid[]) WITH ORDINALITY AS k (key, place) JOIN devices d ON d.id = k.key";
pub(super) const DEVICES_FIND_BY_JKT: &str = "SELECT d.id, d.status, d.sign_count, d.sealed, k.place \
     FROM unnest($1::bytea[]) WITH ORDINALITY AS k (key, place) JOIN devices d ON d.jkt = k.key";
pub(super) const DEVICES_LIST: &str = "SELECT d.id, d.status, d.sign_count, d.sealed, k.place \
     FROM unnest($1::uuid[]) WITH ORDINALITY AS k (key, place) JOIN devices d ON d.person = k.key \
     ORDER BY k.place, d.created_at, d.id";
pub(super) const FAMILIES_FIND: &str = "SELECT f.id, f.generation, f.current_hash, f.previous_hash, f.jkt, \
     f.absolute_expiry, f.idle_expiry, (f.dead OR g.dead) AS dead, f.current_sealed, f.grant_id, g.sealed, k.place \
     FROM unnest($1::uuid[]) WITH ORDINALITY AS k (key, place) JOIN families f ON f.id = k.key \
     JOIN grants g ON g.id = f.grant_id";
pub(super) const DECISIONS_FIND: &str = "SELECT d.decided_at, d.proof_sealed, k.place \
     FROM unnest($1::uuid[]) WITH ORDINALITY AS k (key, place) JOIN decisions d ON d.approval = k.key";

/// A person by identifier.
pub(super) const PERSON: Texts = Texts { one: PERSON_FIND, many: PERSONS_FIND };
/// A person by the blind index of the identity number.
pub(super) const PERSON_BY_INDEX: Texts = Texts { one: PERSON_FIND_BY_INDEX, many: PERSONS_FIND_BY_INDEX };
/// A phone by identifier.
pub(super) const DEVICE: Texts = Texts { one: DEVICE_FIND, many: DEVICES_FIND };
/// A phone by the thumbprint of its request key.
pub(super) const DEVICE_BY_JKT: Texts = Texts { one: DEVICE_FIND_BY_JKT, many: DEVICES_FIND_BY_JKT };
/// The phones of a person, oldest first.
pub(super) const DEVICES_OF_PERSON: Texts = Texts { one: DEVICE_LIST, many: DEVICES_LIST };
/// A refresh-token family with its grant.
pub(super) const FAMILY: Texts = Texts { one: FAMILY_FIND, many: FAMILIES_FIND };
/// The decision of an approval.
pub(super) const DECISION: Texts = Texts { one: DECISION_FIND, many: DECISIONS_FIND };
