//! The SQL statements of the directory import: the second half of the catalogue.
//!
//! Every statement reads or changes a few hundred rows at most, through an index: an import runs beside logins.

/// What both engines run for the directory, by name.
pub const DIRECTORY: [(&str, &str); 26] = [
    ("run_drop_refused", RUN_DROP_REFUSED),
    ("run_insert", RUN_INSERT),
    ("run_active", RUN_ACTIVE),
    ("run_last", RUN_LAST),
    ("run_last_whole", RUN_LAST_WHOLE),
    ("run_take", RUN_TAKE),
    ("run_owned", RUN_OWNED),
    ("run_position", RUN_POSITION),
    ("run_advance", RUN_ADVANCE),
    ("run_progress", RUN_PROGRESS),
    ("block_insert", BLOCK_INSERT),
    ("block_next", BLOCK_NEXT),
    ("block_clear", BLOCK_CLEAR),
    ("person_page", PERSON_PAGE),
    ("person_import", PERSON_IMPORT),
    ("person_for_change", PERSON_FOR_CHANGE),
    ("person_record", PERSON_RECORD),
    ("person_deactivate", PERSON_DEACTIVATE),
    ("person_identity", PERSON_IDENTITY),
    ("person_used", PERSON_USED),
    ("device_of_person", DEVICE_OF_PERSON),
    ("device_move", DEVICE_MOVE),
    ("consent_move", CONSENT_MOVE),
    ("person_by_index", PERSON_BY_INDEX),
    ("person_retire", PERSON_RETIRE),
    ("run_any_active", RUN_ANY_ACTIVE),
];

/// What PostgreSQL alone runs for the directory.
pub const DIRECTORY_ONLY_POSTGRES: [(&str, &str); 4] = [
    ("run_owned_locked", RUN_OWNED_LOCKED),
    ("person_for_change_locked", PERSON_FOR_CHANGE_LOCKED),
    ("person_by_index_locked", PERSON_BY_INDEX_LOCKED),
    ("device_of_person_locked", DEVICE_OF_PERSON_LOCKED),
];

pub(super) const RUN_DROP_REFUSED: &str = "UPDATE directory_runs SET active = FALSE, state = 'discarded', \
     ended_at = $1 WHERE active AND state = 'refused' RETURNING id";
// The index of active runs has one place.
pub(super) const RUN_INSERT: &str = "INSERT INTO directory_runs \
     (id, active, state, owner, began_at, whole, position, numbers) \
     VALUES ($1, TRUE, $2, $3, $4, FALSE, $5, $6) ON CONFLICT DO NOTHING RETURNING id";
pub(super) const RUN_ACTIVE: &str =
    "SELECT id, state, began_at, ended_at, numbers FROM directory_runs WHERE active";
pub(super) const RUN_LAST: &str = "SELECT id, state, began_at, ended_at, numbers FROM directory_runs \
     ORDER BY began_at DESC LIMIT 1";
pub(super) const RUN_LAST_WHOLE: &str = "SELECT id, state, began_at, ended_at, numbers FROM directory_runs \
     WHERE whole AND state = 'applied' ORDER BY began_at DESC LIMIT 1";
pub(super) const RUN_TAKE: &str =
    "UPDATE directory_runs SET owner = $2 WHERE id = $1 AND active RETURNING id";
pub(super) const RUN_OWNED: &str = "SELECT id FROM directory_runs WHERE id = $1 AND owner = $2 AND active";
pub(super) const RUN_OWNED_LOCKED: &str =
    "SELECT id FROM directory_runs WHERE id = $1 AND owner = $2 AND active FOR NO KEY UPDATE";
pub(super) const RUN_ANY_ACTIVE: &str = "SELECT id FROM directory_runs WHERE active AND state <> 'refused'";
pub(super) const RUN_POSITION: &str = "SELECT position FROM directory_runs WHERE id = $1";
pub(super) const RUN_ADVANCE: &str = "UPDATE directory_runs SET active = $4, state = $3, ended_at = $5, \
     whole = $6, numbers = $7 WHERE id = $1 AND owner = $2 AND active RETURNING id";
pub(super) const RUN_PROGRESS: &str = "UPDATE directory_runs SET position = $3, numbers = $4 \
     WHERE id = $1 AND owner = $2 AND active RETURNING id";

pub(super) const BLOCK_INSERT: &str =
    "INSERT INTO directory_blocks (run, chunk, last_index, sealed) VALUES ($1, $2, $3, $4)";
pub(super) const BLOCK_NEXT: &str = "SELECT last_index, sealed FROM directory_blocks \
     WHERE run = $1 AND chunk = $2 AND last_index > $3 ORDER BY last_index LIMIT 1";
pub(super) const BLOCK_CLEAR: &str = "DELETE FROM directory_blocks WHERE (run, chunk, last_index) IN \
     (SELECT run, chunk, last_index FROM directory_blocks \
     WHERE run NOT IN (SELECT id FROM directory_runs WHERE active) LIMIT $1) RETURNING chunk";

pub(super) const PERSON_PAGE: &str = "SELECT national_index, id, status, record_digest FROM persons \
     WHERE kind = 'professional' AND national_index > $1 ORDER BY national_index LIMIT $2";
pub(super) const PERSON_IMPORT: &str = "INSERT INTO persons \
     (id, national_index, status, bindings, sealed, record_digest) \
     VALUES ($1, $2, $3, 0, $4, $5) ON CONFLICT DO NOTHING RETURNING id";
pub(super) const PERSON_FOR_CHANGE: &str = "SELECT id, status, sealed FROM persons WHERE id = $1";
pub(super) const PERSON_FOR_CHANGE_LOCKED: &str =
    "SELECT id, status, sealed FROM persons WHERE id = $1 FOR NO KEY UPDATE";
pub(super) const PERSON_RECORD: &str =
    "UPDATE persons SET status = $2, sealed = $3, record_digest = $4 WHERE id = $1";
pub(super) const PERSON_DEACTIVATE: &str = "UPDATE persons SET status = 'deactivated' WHERE id = $1 AND status = 'active' AND kind = 'professional' RETURNING id";

pub(super) const PERSON_BY_INDEX: &str = "SELECT id, status, sealed FROM persons WHERE national_index = $1";
// The index changes: the whole row is for one transaction.
pub(super) const PERSON_BY_INDEX_LOCKED: &str =
    "SELECT id, status, sealed FROM persons WHERE national_index = $1 FOR UPDATE";
pub(super) const PERSON_RETIRE: &str =
    "UPDATE persons SET national_index = $2, status = 'deactivated', record_digest = NULL WHERE id = $1";
pub(super) const PERSON_IDENTITY: &str = "UPDATE persons SET national_index = $2, status = $3, sealed = $4, \
     record_digest = NULL WHERE id = $1";
pub(super) const PERSON_USED: &str = "SELECT id FROM grants WHERE person = $1 LIMIT 1";
pub(super) const DEVICE_OF_PERSON: &str =
    "SELECT id, status, sign_count, sealed FROM devices WHERE person = $1 ORDER BY created_at, id";
pub(super) const DEVICE_OF_PERSON_LOCKED: &str = "SELECT id, status, sign_count, sealed FROM devices \
     WHERE person = $1 ORDER BY created_at, id FOR NO KEY UPDATE";
pub(super) const DEVICE_MOVE: &str = "UPDATE devices SET person = $2, sealed = $3 WHERE id = $1";
pub(super) const CONSENT_MOVE: &str = "INSERT INTO consents (person, client, scope, given_at) \
     SELECT $2, client, scope, given_at FROM consents WHERE person = $1 \
     ON CONFLICT (person, client) DO NOTHING";
