//! Every SQL statement of this program, in one catalogue that a test prepares against the schema.
//!
//! One text for each statement: `$n` parameters, `ON CONFLICT`, `RETURNING`, times as integers; no function of one
//! engine. A conflict is read from the row that comes back, never from a count of affected rows.
//!
//! What PostgreSQL reads in order to decide, it locks (`…_LOCKED`), always in the order client, person, phone, family,
//! grant; a row that the transaction will change, for change at once. SQLite has one writer and no such clause.

/// What both engines run, by name.
pub const ALL: [(&str, &str); 60] = [
    ("schema_support", SCHEMA_SUPPORT),
    ("schema_version", SCHEMA_VERSION),
    ("client_find", CLIENT_FIND),
    ("client_list", CLIENT_LIST),
    ("client_upsert", CLIENT_UPSERT),
    ("client_enabled", CLIENT_ENABLED),
    ("client_disable", CLIENT_DISABLE),
    ("person_find", PERSON_FIND),
    ("person_find_by_index", PERSON_FIND_BY_INDEX),
    ("person_status", PERSON_STATUS),
    ("person_lock", PERSON_LOCK),
    ("person_unlock", PERSON_UNLOCK),
    ("person_bind", PERSON_BIND),
    ("device_find", DEVICE_FIND),
    ("device_find_by_jkt", DEVICE_FIND_BY_JKT),
    ("device_list", DEVICE_LIST),
    ("device_count", DEVICE_COUNT),
    ("device_insert", DEVICE_INSERT),
    ("device_status", DEVICE_STATUS),
    ("device_holder_status", DEVICE_HOLDER_STATUS),
    ("device_count_up", DEVICE_COUNT_UP),
    ("device_revoke", DEVICE_REVOKE),
    ("fence_insert", FENCE_INSERT),
    ("fence_first_grant", FENCE_FIRST_GRANT),
    ("fence_replayed", FENCE_REPLAYED),
    ("grant_insert", GRANT_INSERT),
    ("grant_alive", GRANT_ALIVE),
    ("grant_device", GRANT_DEVICE),
    ("grant_kill", GRANT_KILL),
    ("grant_kill_families", GRANT_KILL_FAMILIES),
    ("session_kill_grants", SESSION_KILL_GRANTS),
    ("session_kill_families", SESSION_KILL_FAMILIES),
    ("family_insert", FAMILY_INSERT),
    ("family_find", FAMILY_FIND),
    ("family_alive", FAMILY_ALIVE),
    ("family_rotate", FAMILY_ROTATE),
    ("family_keep", FAMILY_KEEP),
    ("family_grant", FAMILY_GRANT),
    ("issuance_insert", ISSUANCE_INSERT),
    ("issuance_sessions", ISSUANCE_SESSIONS),
    ("consent_find", CONSENT_FIND),
    ("consent_upsert", CONSENT_UPSERT),
    ("decision_insert", DECISION_INSERT),
    ("decision_find", DECISION_FIND),
    ("decision_evidence", DECISION_EVIDENCE),
    ("cutoff_covering", CUTOFF_COVERING),
    ("cutoff_once", CUTOFF_ONCE),
    ("cutoff_raise", CUTOFF_RAISE),
    ("cutoff_changes", CUTOFF_CHANGES),
    ("key_list", KEY_LIST),
    ("key_insert", KEY_INSERT),
    ("key_advance", KEY_ADVANCE),
    ("key_destroy", KEY_DESTROY),
    ("key_private", KEY_PRIVATE),
    ("key_state", KEY_STATE),
    ("key_public", KEY_PUBLIC),
    ("key_custody", KEY_CUSTODY),
    ("audit_insert", AUDIT_INSERT),
    ("audit_payload_insert", AUDIT_PAYLOAD_INSERT),
    ("audit_rows", AUDIT_ROWS),
];

/// What SQLite alone runs.
pub const ONLY_SQLITE: [(&str, &str); 4] = [
    ("begin_immediate", BEGIN_IMMEDIATE),
    ("schema_made_sqlite", SCHEMA_MADE_SQLITE),
    ("fence_purge", FENCE_PURGE),
    ("issuance_purge", ISSUANCE_PURGE),
];

/// What PostgreSQL alone runs.
pub const ONLY_POSTGRES: [(&str, &str); 20] = [
    ("server_role", SERVER_ROLE),
    ("durability", DURABILITY),
    ("connections_allowed", CONNECTIONS_ALLOWED),
    ("partitions_keep", PARTITIONS_KEEP),
    ("partitions_end", PARTITIONS_END),
    ("clock", CLOCK),
    ("begin_read_committed", BEGIN_READ_COMMITTED),
    ("schema_made_postgres", SCHEMA_MADE_POSTGRES),
    ("client_enabled_locked", CLIENT_ENABLED_LOCKED),
    ("person_status_locked", PERSON_STATUS_LOCKED),
    ("device_status_locked", DEVICE_STATUS_LOCKED),
    ("device_holder_status_locked", DEVICE_HOLDER_STATUS_LOCKED),
    ("grant_alive_locked", GRANT_ALIVE_LOCKED),
    ("family_alive_locked", FAMILY_ALIVE_LOCKED),
    ("session_kill_families_locked", SESSION_KILL_FAMILIES_LOCKED),
    ("family_keep_all", FAMILY_KEEP_ALL),
    ("issuance_insert_all", ISSUANCE_INSERT_ALL),
    ("session_share", SESSION_SHARE),
    ("session_hold", SESSION_HOLD),
    ("artefact_hold", ARTEFACT_HOLD),
];

// The lock is taken before the first read.
pub(super) const BEGIN_IMMEDIATE: &str = "BEGIN IMMEDIATE";
// Whatever the server's default: each statement sees what was committed before it, and after what it waited for.
pub(super) const BEGIN_READ_COMMITTED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

pub(super) const SCHEMA_MADE_SQLITE: &str =
    "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
/// The timeline on which the server takes writes; null where it takes none.
pub(super) const SERVER_ROLE: &str = "SELECT CASE WHEN pg_is_in_recovery() \
     OR current_setting('default_transaction_read_only')::boolean THEN NULL \
     ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END";
/// Whether a commit waits for a standby, and for the disk.
pub(super) const DURABILITY: &str = "SELECT current_setting('synchronous_standby_names') <> '', \
     current_setting('fsync')::boolean AND current_setting('full_page_writes')::boolean";
/// Connections that roles like ours may have, all together.
pub(super) const CONNECTIONS_ALLOWED: &str = "SELECT current_setting('max_connections')::integer \
     - current_setting('superuser_reserved_connections')::integer";
/// Milliseconds since 1970.
pub(super) const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
pub(super) const SCHEMA_MADE_POSTGRES: &str = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
/// The oldest version of the schema whose program can work on the present one.
pub(super) const SCHEMA_SUPPORT: &str = "SELECT compatible_from FROM schema_support WHERE id = 1";
pub(super) const SCHEMA_VERSION: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success";

pub(super) const CLIENT_FIND: &str = "SELECT enabled, metadata FROM clients WHERE client_id = $1";
pub(super) const CLIENT_LIST: &str = "SELECT enabled, metadata FROM clients ORDER BY client_id";
pub(super) const CLIENT_UPSERT: &str = "INSERT INTO clients (client_id, enabled, metadata) VALUES ($1, $2, $3) \
     ON CONFLICT (client_id) DO UPDATE SET enabled = excluded.enabled, metadata = excluded.metadata";
pub(super) const CLIENT_ENABLED: &str = "SELECT enabled FROM clients WHERE client_id = $1";
pub(super) const CLIENT_ENABLED_LOCKED: &str = "SELECT enabled FROM clients WHERE client_id = $1 FOR SHARE";
pub(super) const CLIENT_DISABLE: &str =
    "UPDATE clients SET enabled = FALSE WHERE client_id = $1 AND enabled RETURNING client_id";

pub(super) const PERSON_FIND: &str = "SELECT id, status, sealed FROM persons WHERE id = $1";
pub(super) const PERSON_FIND_BY_INDEX: &str =
    "SELECT id, status, sealed FROM persons WHERE national_index = $1";
pub(super) const PERSON_STATUS: &str = "SELECT status FROM persons WHERE id = $1";
pub(super) const PERSON_STATUS_LOCKED: &str = "SELECT status FROM persons WHERE id = $1 FOR SHARE";
pub(super) const PERSON_LOCK: &str =
    "UPDATE persons SET status = 'locked' WHERE id = $1 AND status = 'active' RETURNING id";
pub(super) const PERSON_UNLOCK: &str =
    "UPDATE persons SET status = 'active' WHERE id = $1 AND status = 'locked' RETURNING id";
// Takes the row's lock, so that two bindings of one person count one after the other.
pub(super) const PERSON_BIND: &str =
    "UPDATE persons SET bindings = bindings + 1 WHERE id = $1 AND status = 'active' RETURNING id";

pub(super) const DEVICE_FIND: &str = "SELECT id, status, sign_count, sealed FROM devices WHERE id = $1";
pub(super) const DEVICE_FIND_BY_JKT: &str =
    "SELECT id, status, sign_count, sealed FROM devices WHERE jkt = $1";
pub(super) const DEVICE_LIST: &str =
    "SELECT id, status, sign_count, sealed FROM devices WHERE person = $1 ORDER BY created_at, id";
pub(super) const DEVICE_COUNT: &str = "SELECT count(*) FROM devices WHERE person = $1 AND status = 'active'";
pub(super) const DEVICE_INSERT: &str = "INSERT INTO devices \
     (id, person, credential_index, jkt, status, sign_count, created_at, sealed) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id";
pub(super) const DEVICE_STATUS: &str = "SELECT status FROM devices WHERE id = $1";
pub(super) const DEVICE_STATUS_LOCKED: &str = "SELECT status FROM devices WHERE id = $1 FOR SHARE";
pub(super) const DEVICE_HOLDER_STATUS: &str = "SELECT d.status, p.status FROM devices d \
     JOIN persons p ON p.id = d.person WHERE d.id = $1 AND d.person = $2";
pub(super) const DEVICE_HOLDER_STATUS_LOCKED: &str = "SELECT d.status, p.status FROM persons p \
     JOIN devices d ON d.person = p.id WHERE d.id = $1 AND d.person = $2 FOR SHARE OF p FOR NO KEY UPDATE OF d";
// Web Authentication Level 3, 7.2: greater, or both zero when the authenticator keeps none.
pub(super) const DEVICE_COUNT_UP: &str = "UPDATE devices SET sign_count = $2 \
     WHERE id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0)) RETURNING id";
pub(super) const DEVICE_REVOKE: &str =
    "UPDATE devices SET status = 'revoked' WHERE id = $1 AND status <> 'revoked' RETURNING id";

pub(super) const FENCE_INSERT: &str = "INSERT INTO single_use (kind, hash, kept_until, grant_id, expires_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING kind";
pub(super) const FENCE_FIRST_GRANT: &str = "SELECT grant_id FROM single_use WHERE kind = $1 AND hash = $2";
pub(super) const FENCE_REPLAYED: &str = "SELECT s.grant_id, g.client FROM single_use s \
     LEFT JOIN grants g ON g.id = s.grant_id WHERE s.kind = $1 AND s.hash = $2";
pub(super) const FENCE_PURGE: &str = "DELETE FROM single_use WHERE (kind, hash) IN \
     (SELECT kind, hash FROM single_use WHERE kept_until < $1 LIMIT $2) RETURNING kind";

pub(super) const GRANT_INSERT: &str = "INSERT INTO grants \
     (id, person, client, sid, device, created_at, dead, sealed, represented) \
     VALUES ($1, $2, $3, $4, $5, $6, FALSE, $7, $8)";
pub(super) const GRANT_ALIVE: &str = "SELECT id FROM grants WHERE id = $1 AND NOT dead";
pub(super) const GRANT_ALIVE_LOCKED: &str = "SELECT id FROM grants WHERE id = $1 AND NOT dead FOR SHARE";
pub(super) const GRANT_DEVICE: &str = "SELECT device FROM grants WHERE id = $1";
pub(super) const GRANT_KILL: &str = "UPDATE grants SET dead = TRUE WHERE id = $1 AND NOT dead RETURNING id";
pub(super) const GRANT_KILL_FAMILIES: &str =
    "UPDATE families SET dead = TRUE WHERE grant_id = $1 AND NOT dead RETURNING id";
pub(super) const SESSION_KILL_GRANTS: &str =
    "UPDATE grants SET dead = TRUE WHERE sid = $1 AND NOT dead RETURNING id";
pub(super) const SESSION_KILL_FAMILIES: &str = "UPDATE families SET dead = TRUE \
     WHERE grant_id IN (SELECT id FROM grants WHERE sid = $1) AND NOT dead RETURNING id";
// Many families in one transaction are locked in one order, that of their identifiers, or two such transactions may wait
// for each other. Rows are locked as a sort gives them out, while an update takes them as its plan has them.
pub(super) const SESSION_KILL_FAMILIES_LOCKED: &str = "WITH held AS (SELECT id FROM families \
     WHERE grant_id IN (SELECT id FROM grants WHERE sid = $1) AND NOT dead ORDER BY id FOR NO KEY UPDATE) \
     UPDATE families SET dead = TRUE WHERE id IN (SELECT id FROM held) RETURNING id";

// A session has no row: half of its identifier is locked instead, shared by the grants in it, alone by its end.
pub(super) const SESSION_SHARE: &str = "SELECT pg_advisory_xact_lock_shared($1)";
pub(super) const SESSION_HOLD: &str = "SELECT pg_advisory_xact_lock($1)";
// A first use and a second presentation do not see each other's rows before they commit: one after the other, before
// any other lock. Locks of two numbers are none of those of one.
pub(super) const ARTEFACT_HOLD: &str = "SELECT pg_advisory_xact_lock($1, $2)";

pub(super) const FAMILY_INSERT: &str = "INSERT INTO families \
     (id, grant_id, generation, current_hash, current_sealed, jkt, absolute_expiry, idle_expiry, dead) \
     VALUES ($1, $2, 0, $3, $4, $5, $6, $7, FALSE)";
pub(super) const FAMILY_FIND: &str = "SELECT f.id, f.generation, f.current_hash, f.previous_hash, f.jkt, \
     f.absolute_expiry, f.idle_expiry, (f.dead OR g.dead) AS dead, f.current_sealed, f.grant_id, g.sealed \
     FROM families f JOIN grants g ON g.id = f.grant_id WHERE f.id = $1";
pub(super) const FAMILY_ALIVE: &str = "SELECT f.id FROM families f JOIN grants g ON g.id = f.grant_id \
     WHERE f.id = $1 AND g.id = $2 AND NOT f.dead AND NOT g.dead";
pub(super) const FAMILY_ALIVE_LOCKED: &str = "SELECT f.id FROM families f JOIN grants g ON g.id = f.grant_id \
     WHERE f.id = $1 AND g.id = $2 AND NOT f.dead AND NOT g.dead FOR NO KEY UPDATE OF f FOR SHARE OF g";
pub(super) const FAMILY_ROTATE: &str = "UPDATE families SET previous_hash = current_hash, current_hash = $4, \
     current_sealed = $5, generation = generation + 1, idle_expiry = $6 \
     WHERE id = $1 AND generation = $2 AND current_hash = $3 AND NOT dead RETURNING id";
pub(super) const FAMILY_KEEP: &str =
    "UPDATE families SET idle_expiry = $2 WHERE id = $1 AND NOT dead RETURNING id";
// In the order of their identifiers: see above.
pub(super) const FAMILY_KEEP_ALL: &str = "WITH held AS (SELECT id FROM families \
     WHERE id = ANY ($1::uuid[]) AND NOT dead ORDER BY id FOR NO KEY UPDATE) \
     UPDATE families f SET idle_expiry = k.idle_expiry \
     FROM unnest($1::uuid[], $2::bigint[]) AS k (id, idle_expiry) JOIN held ON held.id = k.id \
     WHERE f.id = held.id RETURNING f.id";
pub(super) const FAMILY_GRANT: &str = "SELECT grant_id FROM families WHERE id = $1";

pub(super) const ISSUANCE_INSERT: &str = "INSERT INTO issuances \
     (jti, kid, issued_at, client, person, sid, grant_id, family, kept_until) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
pub(super) const ISSUANCE_INSERT_ALL: &str = "INSERT INTO issuances \
     (jti, kid, issued_at, client, person, sid, grant_id, family, kept_until) \
     SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], \
     $8::uuid[], $9::bigint[])";

pub(super) const ISSUANCE_SESSIONS: &str = "SELECT DISTINCT sid FROM issuances \
     WHERE kid = $1 AND issued_at >= $2 AND sid > $3 ORDER BY sid LIMIT $4";

// A token under the same jti is not made twice; what was issued under these has ended.
pub(super) const ISSUANCE_PURGE: &str = "DELETE FROM issuances WHERE jti IN \
     (SELECT jti FROM issuances WHERE kept_until < $1 LIMIT $2) RETURNING jti";

// PostgreSQL forgets by the partition: makes those that are due and drops those whose time is over.
pub(super) const PARTITIONS_KEEP: &str = "SELECT made, dropped, in_default FROM sceau_partitions_keep($1)";
// Up to when every table of partitions has one.
pub(super) const PARTITIONS_END: &str = "SELECT min(ends) FROM (SELECT \
     max(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''([0-9]+)''\\)')::bigint) AS ends \
     FROM pg_partitioned_table t JOIN pg_class p ON p.oid = t.partrelid \
     JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid \
     WHERE pg_table_is_visible(p.oid) GROUP BY p.oid) AS tables";

pub(super) const CONSENT_FIND: &str =
    "SELECT scope, given_at FROM consents WHERE person = $1 AND client = $2";
pub(super) const CONSENT_UPSERT: &str = "INSERT INTO consents (person, client, scope, given_at) \
     VALUES ($1, $2, $3, $4) \
     ON CONFLICT (person, client) DO UPDATE SET scope = excluded.scope, given_at = excluded.given_at";

pub(super) const DECISION_INSERT: &str = "INSERT INTO decisions \
     (approval, device, decided_at, proof_sealed, evidence_sealed) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT DO NOTHING RETURNING approval";
pub(super) const DECISION_FIND: &str = "SELECT decided_at, proof_sealed FROM decisions WHERE approval = $1";
pub(super) const DECISION_EVIDENCE: &str = "SELECT evidence_sealed FROM decisions WHERE approval = $1";

// An ended session or grant does not come back, whenever it was authenticated.
pub(super) const CUTOFF_COVERING: &str = "SELECT scope FROM cutoffs WHERE \
     (scope = 'grant' AND subject = $1) OR (scope = 'session' AND subject = $2) OR (cut_at >= $6 AND \
     ((scope = 'person' AND subject = $3) OR (scope = 'client' AND subject = $4) \
     OR (scope = 'device' AND subject = $5) OR (scope = 'global' AND subject = ''))) \
     OR (scope = 'person' AND subject = $7 AND cut_at >= $8) ORDER BY scope";
pub(super) const CUTOFF_ONCE: &str = "INSERT INTO cutoffs (scope, subject, cut_at, written_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING scope";
pub(super) const CUTOFF_RAISE: &str = "INSERT INTO cutoffs (scope, subject, cut_at, written_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (scope, subject) \
     DO UPDATE SET cut_at = excluded.cut_at, written_at = excluded.written_at \
     WHERE excluded.cut_at > cutoffs.cut_at RETURNING scope";
pub(super) const CUTOFF_CHANGES: &str = "SELECT scope, subject, cut_at FROM cutoffs \
     WHERE written_at >= $1 ORDER BY written_at, scope, subject";

pub(super) const KEY_LIST: &str = "SELECT kid, purpose, algorithm, state, public_jwk, staged_at, activates_at, \
     activated_at, retired_at, gone_at, revoked_at, revision, custody FROM key_records ORDER BY staged_at, kid";
pub(super) const KEY_INSERT: &str = "INSERT INTO key_records \
     (kid, purpose, algorithm, state, public_jwk, staged_at, activates_at, activated_at, revision, sealed_private, \
     custody) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING kid";
pub(super) const KEY_ADVANCE: &str = "UPDATE key_records SET state = $3, activates_at = $4, activated_at = $5, \
     retired_at = $6, gone_at = $7, revoked_at = $8, revision = $9 WHERE kid = $1 AND revision = $2 RETURNING kid";
pub(super) const KEY_DESTROY: &str = "UPDATE key_records SET sealed_private = NULL WHERE kid = $1";
pub(super) const KEY_PRIVATE: &str =
    "SELECT purpose, algorithm, state, revision, sealed_private FROM key_records WHERE kid = $1";
pub(super) const KEY_STATE: &str = "SELECT state, revision FROM key_records WHERE kid = $1";
pub(super) const KEY_PUBLIC: &str = "SELECT public_jwk, custody FROM key_records WHERE kid = $1";
pub(super) const KEY_CUSTODY: &str =
    "SELECT state, custody, purpose, algorithm, public_jwk FROM key_records WHERE kid = $1";

pub(super) const AUDIT_INSERT: &str = "INSERT INTO audit_events \
     (writer, sequence, id, previous_hash, at, kind, record, leaf_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(super) const AUDIT_PAYLOAD_INSERT: &str =
    "INSERT INTO audit_payloads (event, at, sealed) VALUES ($1, $2, $3)";
pub(super) const AUDIT_ROWS: &str = "SELECT writer, sequence, id, previous_hash, record, leaf_hash \
     FROM audit_events WHERE writer > $1 OR (writer = $1 AND sequence > $2) ORDER BY writer, sequence LIMIT $3";
