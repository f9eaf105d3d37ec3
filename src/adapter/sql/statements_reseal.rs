//! The SQL statements by which sealed values are sealed anew: the fourth part of the catalogue.
//!
//! `…_STALE` walks a table by its key and gives the values that do not begin with the prefix of the current key.
//! `…_RESEAL` replaces a value that is still the one read. On PostgreSQL `…_RESEAL_FREE` leaves a row that somebody
//! has locked for later: who never waits is in nobody's way and in no deadlock.

/// What both engines run to seal anew, by name.
pub const RESEAL: [(&str, &str); 19] = [
    ("person_stale", PERSON_STALE),
    ("person_reseal", PERSON_RESEAL),
    ("device_stale", DEVICE_STALE),
    ("device_reseal", DEVICE_RESEAL),
    ("link_stale", LINK_STALE),
    ("link_reseal", LINK_RESEAL),
    ("grant_stale", GRANT_STALE),
    ("grant_reseal", GRANT_RESEAL),
    ("family_stale", FAMILY_STALE),
    ("family_reseal", FAMILY_RESEAL),
    ("proof_stale", PROOF_STALE),
    ("proof_reseal", PROOF_RESEAL),
    ("evidence_stale", EVIDENCE_STALE),
    ("evidence_reseal", EVIDENCE_RESEAL),
    ("payload_stale", PAYLOAD_STALE),
    ("payload_reseal", PAYLOAD_RESEAL),
    ("block_stale", BLOCK_STALE),
    ("block_reseal", BLOCK_RESEAL),
    ("key_reseal", KEY_RESEAL),
];

/// What PostgreSQL alone runs to seal anew.
pub const RESEAL_ONLY_POSTGRES: [(&str, &str); 8] = [
    ("person_reseal_free", PERSON_RESEAL_FREE),
    ("device_reseal_free", DEVICE_RESEAL_FREE),
    ("link_reseal_free", LINK_RESEAL_FREE),
    ("grant_reseal_free", GRANT_RESEAL_FREE),
    ("family_reseal_free", FAMILY_RESEAL_FREE),
    ("proof_reseal_free", PROOF_RESEAL_FREE),
    ("evidence_reseal_free", EVIDENCE_RESEAL_FREE),
    ("payload_reseal_free", PAYLOAD_RESEAL_FREE),
];

pub(super) const PERSON_STALE: &str = "SELECT id, CASE WHEN substr(sealed, 1, 5) = $2 THEN NULL ELSE sealed END FROM persons \
     WHERE id > $1 ORDER BY id LIMIT $3";
pub(super) const PERSON_RESEAL: &str =
    "UPDATE persons SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id";
pub(super) const PERSON_RESEAL_FREE: &str = "UPDATE persons SET sealed = $3 WHERE id = (SELECT id FROM persons \
     WHERE id = $1 AND sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id";

pub(super) const DEVICE_STALE: &str = "SELECT id, CASE WHEN substr(sealed, 1, 5) = $2 THEN NULL ELSE sealed END FROM devices \
     WHERE id > $1 ORDER BY id LIMIT $3";
pub(super) const DEVICE_RESEAL: &str =
    "UPDATE devices SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id";
pub(super) const DEVICE_RESEAL_FREE: &str = "UPDATE devices SET sealed = $3 WHERE id = (SELECT id FROM devices \
     WHERE id = $1 AND sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id";

pub(super) const LINK_STALE: &str = "SELECT id, CASE WHEN substr(sealed, 1, 5) = $2 THEN NULL ELSE sealed END FROM links \
     WHERE id > $1 ORDER BY id LIMIT $3";
pub(super) const LINK_RESEAL: &str =
    "UPDATE links SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id";
pub(super) const LINK_RESEAL_FREE: &str = "UPDATE links SET sealed = $3 WHERE id = (SELECT id FROM links \
     WHERE id = $1 AND sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id";

pub(super) const GRANT_STALE: &str = "SELECT id, CASE WHEN substr(sealed, 1, 5) = $2 THEN NULL ELSE sealed END FROM grants \
     WHERE id > $1 ORDER BY id LIMIT $3";
pub(super) const GRANT_RESEAL: &str =
    "UPDATE grants SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id";
pub(super) const GRANT_RESEAL_FREE: &str = "UPDATE grants SET sealed = $3 WHERE id = (SELECT id FROM grants \
     WHERE id = $1 AND sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id";

pub(super) const FAMILY_STALE: &str = "SELECT id, CASE WHEN substr(current_sealed, 1, 5) = $2 THEN NULL ELSE current_sealed END FROM families \
     WHERE id > $1 ORDER BY id LIMIT $3";
pub(super) const FAMILY_RESEAL: &str =
    "UPDATE families SET current_sealed = $3 WHERE id = $1 AND current_sealed = $2 RETURNING id";
pub(super) const FAMILY_RESEAL_FREE: &str = "UPDATE families SET current_sealed = $3 WHERE id = (SELECT id FROM families \
     WHERE id = $1 AND current_sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id";

pub(super) const PROOF_STALE: &str = "SELECT approval, CASE WHEN substr(proof_sealed, 1, 5) = $2 THEN NULL ELSE proof_sealed END FROM decisions \
     WHERE approval > $1 ORDER BY approval LIMIT $3";
pub(super) const PROOF_RESEAL: &str =
    "UPDATE decisions SET proof_sealed = $3 WHERE approval = $1 AND proof_sealed = $2 RETURNING approval";
pub(super) const PROOF_RESEAL_FREE: &str = "UPDATE decisions SET proof_sealed = $3 WHERE approval = (SELECT approval FROM decisions \
     WHERE approval = $1 AND proof_sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING approval";

pub(super) const EVIDENCE_STALE: &str = "SELECT approval, CASE WHEN substr(evidence_sealed, 1, 5) = $2 THEN NULL ELSE evidence_sealed END FROM decisions \
     WHERE approval > $1 ORDER BY approval LIMIT $3";
pub(super) const EVIDENCE_RESEAL: &str = "UPDATE decisions SET evidence_sealed = $3 WHERE approval = $1 AND evidence_sealed = $2 RETURNING approval";
pub(super) const EVIDENCE_RESEAL_FREE: &str = "UPDATE decisions SET evidence_sealed = $3 WHERE approval = (SELECT approval FROM decisions \
     WHERE approval = $1 AND evidence_sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING approval";

pub(super) const PAYLOAD_STALE: &str = "SELECT event, CASE WHEN substr(sealed, 1, 5) = $2 THEN NULL ELSE sealed END FROM audit_payloads \
     WHERE event > $1 ORDER BY event LIMIT $3";
pub(super) const PAYLOAD_RESEAL: &str =
    "UPDATE audit_payloads SET sealed = $3 WHERE event = $1 AND sealed = $2 RETURNING event";
pub(super) const PAYLOAD_RESEAL_FREE: &str = "UPDATE audit_payloads SET sealed = $3 WHERE event = (SELECT event FROM audit_payloads \
     WHERE event = $1 AND sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING event";

pub(super) const BLOCK_STALE: &str = "SELECT run, chunk, last_index, CASE WHEN substr(sealed, 1, 5) = $4 THEN NULL ELSE sealed END \
     FROM directory_blocks WHERE (run, chunk, last_index) > ($1, $2, $3) ORDER BY run, chunk, last_index LIMIT $5";
pub(super) const BLOCK_RESEAL: &str = "UPDATE directory_blocks SET sealed = $5 \
     WHERE run = $1 AND chunk = $2 AND last_index = $3 AND sealed = $4 RETURNING run";

pub(super) const KEY_RESEAL: &str =
    "UPDATE key_records SET sealed_private = $3 WHERE kid = $1 AND sealed_private = $2 RETURNING kid";
