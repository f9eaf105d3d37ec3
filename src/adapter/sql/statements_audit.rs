//! The SQL statements of the audit log's order, checkpoints and retention: the fourth part of the catalogue.

/// What both engines run for the audit log, by name.
pub const AUDIT: [(&str, &str); 17] = [
    ("tree_find", TREE_FIND),
    ("tree_advance", TREE_ADVANCE),
    ("lanes_begin", LANES_BEGIN),
    ("lanes_waiting", LANES_WAITING),
    ("lanes_oldest", LANES_OLDEST),
    ("lane_advance", LANE_ADVANCE),
    ("log_insert", LOG_INSERT),
    ("log_entries", LOG_ENTRIES),
    ("log_absent", LOG_ABSENT),
    ("log_search", LOG_SEARCH),
    ("checkpoint_last", CHECKPOINT_LAST),
    ("checkpoint_list", CHECKPOINT_LIST),
    ("checkpoint_insert", CHECKPOINT_INSERT),
    ("audit_keys", AUDIT_KEYS),
    ("payload_find", PAYLOAD_FIND),
    ("payload_aged", PAYLOAD_AGED),
    ("payload_erase", PAYLOAD_ERASE),
];

/// What PostgreSQL alone runs for the audit log.
pub const AUDIT_ONLY_POSTGRES: [(&str, &str); 4] = [
    ("tree_hold", TREE_HOLD),
    ("audit_insert_all", AUDIT_INSERT_ALL),
    ("audit_payload_insert_all", AUDIT_PAYLOAD_INSERT_ALL),
    ("log_insert_all", LOG_INSERT_ALL),
];

// The rows of one transaction at once, as columns.
pub(super) const AUDIT_INSERT_ALL: &str = "INSERT INTO audit_events \
     (writer, sequence, id, previous_hash, at, kind, record, leaf_hash) \
     SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bytea[], $5::bigint[], $6::text[], \
     $7::bytea[], $8::bytea[])";
pub(super) const AUDIT_PAYLOAD_INSERT_ALL: &str = "INSERT INTO audit_payloads (event, at, sealed) \
     SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[])";

pub(super) const TREE_FIND: &str = "SELECT size, peaks FROM audit_tree WHERE id = 1";
// One replica orders at a time; the others do not wait for it.
pub(super) const TREE_HOLD: &str =
    "SELECT size, peaks FROM audit_tree WHERE id = 1 FOR NO KEY UPDATE SKIP LOCKED";
pub(super) const TREE_ADVANCE: &str = "UPDATE audit_tree SET size = $1, peaks = $2 WHERE id = 1";

pub(super) const LANES_BEGIN: &str = "INSERT INTO audit_lanes (writer, next_sequence, head) \
     SELECT e.writer, 0, $1 FROM audit_events e WHERE e.sequence = 0 \
     AND NOT EXISTS (SELECT 1 FROM audit_lanes l WHERE l.writer = e.writer) ON CONFLICT DO NOTHING";
// A few rows of each lane, the next one of every lane first: what is left out is never before what is taken.
pub(super) const LANES_WAITING: &str = "SELECT e.writer, e.sequence, e.previous_hash, e.at, e.leaf_hash, \
     l.next_sequence, l.head FROM audit_lanes l CROSS JOIN audit_events e WHERE e.writer = l.writer \
     AND e.sequence >= l.next_sequence AND e.sequence < l.next_sequence + $1 \
     ORDER BY e.sequence - l.next_sequence, e.writer LIMIT $2";
pub(super) const LANES_OLDEST: &str = "SELECT min(e.at) FROM audit_lanes l CROSS JOIN audit_events e \
     WHERE e.writer = l.writer AND e.sequence = l.next_sequence";
pub(super) const LANE_ADVANCE: &str =
    "UPDATE audit_lanes SET next_sequence = $2, head = $3 WHERE writer = $1";
pub(super) const LOG_INSERT: &str =
    "INSERT INTO audit_log (log_index, writer, sequence, leaf_hash) VALUES ($1, $2, $3, $4)";
pub(super) const LOG_INSERT_ALL: &str = "INSERT INTO audit_log (log_index, writer, sequence, leaf_hash) \
     SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::bytea[])";

pub(super) const LOG_ENTRIES: &str = "SELECT g.log_index, g.writer, g.sequence, g.leaf_hash AS entered, \
     e.id, e.previous_hash, e.at, e.kind, e.record, e.leaf_hash FROM audit_log g \
     LEFT JOIN audit_events e ON e.writer = g.writer AND e.sequence = g.sequence \
     WHERE g.log_index >= $1 ORDER BY g.log_index LIMIT $2";
// Every row passes by, so that no page takes long; what is in the log comes without its content.
pub(super) const LOG_ABSENT: &str = "SELECT e.writer, e.sequence, e.id, e.previous_hash, e.at, e.kind, \
     CASE WHEN g.log_index < $1 THEN NULL ELSE e.record END, e.leaf_hash FROM audit_events e \
     LEFT JOIN audit_log g ON g.writer = e.writer AND g.sequence = e.sequence \
     WHERE e.writer > $2 OR (e.writer = $2 AND e.sequence > $3) ORDER BY e.writer, e.sequence LIMIT $4";
pub(super) const LOG_SEARCH: &str = "SELECT g.log_index, e.writer, e.sequence, e.leaf_hash AS entered, \
     e.id, e.previous_hash, e.at, e.kind, e.record, e.leaf_hash FROM audit_events e \
     LEFT JOIN audit_log g ON g.writer = e.writer AND g.sequence = e.sequence \
     WHERE e.id > $1 AND e.id <= $2 ORDER BY e.id LIMIT $3";

pub(super) const CHECKPOINT_LAST: &str =
    "SELECT number, size, root, at, note FROM audit_checkpoints ORDER BY number DESC LIMIT 1";
pub(super) const CHECKPOINT_LIST: &str =
    "SELECT number, size, root, at, note FROM audit_checkpoints WHERE number > $1 ORDER BY number LIMIT $2";
pub(super) const CHECKPOINT_INSERT: &str = "INSERT INTO audit_checkpoints (number, size, root, at, note) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING number";
pub(super) const AUDIT_KEYS: &str =
    "SELECT kid, revoked_at, public_jwk FROM key_records WHERE purpose = 'audit' ORDER BY staged_at, kid";

pub(super) const PAYLOAD_FIND: &str = "SELECT sealed FROM audit_payloads WHERE event = $1";
pub(super) const PAYLOAD_AGED: &str = "SELECT p.event, p.at, e.kind FROM audit_payloads p \
     JOIN audit_events e ON e.id = p.event WHERE p.at < $1 \
     AND (p.at > $2 OR (p.at = $2 AND p.event > $3)) ORDER BY p.at, p.event LIMIT $4";
pub(super) const PAYLOAD_ERASE: &str = "DELETE FROM audit_payloads WHERE event = $1 RETURNING event";
