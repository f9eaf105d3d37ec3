-- What the program of schema 6 runs on PostgreSQL: each statement under its name.
-- schema_version
SELECT max(version) FROM _sqlx_migrations WHERE success;
-- client_find
SELECT enabled, metadata FROM clients WHERE client_id = $1;
-- client_list
SELECT enabled, metadata FROM clients ORDER BY client_id;
-- client_upsert
INSERT INTO clients (client_id, enabled, metadata) VALUES ($1, $2, $3) ON CONFLICT (client_id) DO UPDATE SET enabled = excluded.enabled, metadata = excluded.metadata;
-- client_enabled
SELECT enabled FROM clients WHERE client_id = $1;
-- client_disable
UPDATE clients SET enabled = FALSE WHERE client_id = $1 AND enabled RETURNING client_id;
-- person_find
SELECT id, status, sealed FROM persons WHERE id = $1;
-- person_find_by_index
SELECT id, status, sealed FROM persons WHERE national_index = $1;
-- person_status
SELECT status FROM persons WHERE id = $1;
-- person_lock
UPDATE persons SET status = 'locked' WHERE id = $1 AND status = 'active' RETURNING id;
-- person_unlock
UPDATE persons SET status = 'active' WHERE id = $1 AND status = 'locked' RETURNING id;
-- person_bind
UPDATE persons SET bindings = bindings + 1 WHERE id = $1 AND status = 'active' RETURNING id;
-- device_find
SELECT id, status, sign_count, sealed FROM devices WHERE id = $1;
-- device_find_by_jkt
SELECT id, status, sign_count, sealed FROM devices WHERE jkt = $1;
-- device_list
SELECT id, status, sign_count, sealed FROM devices WHERE person = $1 ORDER BY created_at, id;
-- device_count
SELECT count(*) FROM devices WHERE person = $1 AND status = 'active';
-- device_insert
INSERT INTO devices (id, person, credential_index, jkt, status, sign_count, created_at, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id;
-- device_status
SELECT status FROM devices WHERE id = $1;
-- device_holder_status
SELECT d.status, p.status FROM devices d JOIN persons p ON p.id = d.person WHERE d.id = $1 AND d.person = $2;
-- device_count_up
UPDATE devices SET sign_count = $2 WHERE id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0)) RETURNING id;
-- device_revoke
UPDATE devices SET status = 'revoked' WHERE id = $1 AND status <> 'revoked' RETURNING id;
-- fence_insert
INSERT INTO single_use (kind, hash, kept_until, grant_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING kind;
-- fence_first_grant
SELECT grant_id FROM single_use WHERE kind = $1 AND hash = $2;
-- fence_replayed
SELECT s.grant_id, g.client FROM single_use s LEFT JOIN grants g ON g.id = s.grant_id WHERE s.kind = $1 AND s.hash = $2;
-- fence_purge
DELETE FROM single_use WHERE (kind, hash) IN (SELECT kind, hash FROM single_use WHERE kept_until < $1 LIMIT $2) RETURNING kind;
-- grant_insert
INSERT INTO grants (id, person, client, sid, device, created_at, dead, sealed, represented) VALUES ($1, $2, $3, $4, $5, $6, FALSE, $7, $8);
-- grant_device
SELECT device FROM grants WHERE id = $1;
-- grant_kill
UPDATE grants SET dead = TRUE WHERE id = $1 AND NOT dead RETURNING id;
-- grant_kill_families
UPDATE families SET dead = TRUE WHERE grant_id = $1 AND NOT dead RETURNING id;
-- session_kill_grants
UPDATE grants SET dead = TRUE WHERE sid = $1 AND NOT dead RETURNING id;
-- session_kill_families
UPDATE families SET dead = TRUE WHERE grant_id IN (SELECT id FROM grants WHERE sid = $1) AND NOT dead RETURNING id;
-- family_insert
INSERT INTO families (id, grant_id, generation, current_hash, current_sealed, jkt, absolute_expiry, idle_expiry, dead) VALUES ($1, $2, 0, $3, $4, $5, $6, $7, FALSE);
-- family_find
SELECT f.id, f.generation, f.current_hash, f.previous_hash, f.jkt, f.absolute_expiry, f.idle_expiry, (f.dead OR g.dead) AS dead, f.current_sealed, f.grant_id, g.sealed FROM families f JOIN grants g ON g.id = f.grant_id WHERE f.id = $1;
-- family_alive
SELECT f.id FROM families f JOIN grants g ON g.id = f.grant_id WHERE f.id = $1 AND g.id = $2 AND NOT f.dead AND NOT g.dead;
-- family_rotate
UPDATE families SET previous_hash = current_hash, current_hash = $4, current_sealed = $5, generation = generation + 1, idle_expiry = $6 WHERE id = $1 AND generation = $2 AND current_hash = $3 AND NOT dead RETURNING id;
-- family_keep
UPDATE families SET idle_expiry = $4 WHERE id = $1 AND generation = $2 AND current_hash = $3 AND NOT dead RETURNING id;
-- family_grant
SELECT grant_id FROM families WHERE id = $1;
-- issuance_insert
INSERT INTO issuances (jti, kid, issued_at, client, person, sid, grant_id, family) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);
-- issuance_sessions
SELECT DISTINCT sid FROM issuances WHERE kid = $1 AND issued_at >= $2 AND sid > $3 ORDER BY sid LIMIT $4;
-- consent_find
SELECT scope, given_at FROM consents WHERE person = $1 AND client = $2;
-- consent_upsert
INSERT INTO consents (person, client, scope, given_at) VALUES ($1, $2, $3, $4) ON CONFLICT (person, client) DO UPDATE SET scope = excluded.scope, given_at = excluded.given_at;
-- decision_insert
INSERT INTO decisions (approval, device, decided_at, proof_sealed, evidence_sealed) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING approval;
-- decision_find
SELECT decided_at, proof_sealed FROM decisions WHERE approval = $1;
-- decision_evidence
SELECT evidence_sealed FROM decisions WHERE approval = $1;
-- cutoff_covering
SELECT scope FROM cutoffs WHERE (scope = 'grant' AND subject = $1) OR (scope = 'session' AND subject = $2) OR (cut_at >= $6 AND ((scope = 'person' AND subject = $3) OR (scope = 'client' AND subject = $4) OR (scope = 'device' AND subject = $5) OR (scope = 'global' AND subject = ''))) OR (scope = 'person' AND subject = $7 AND cut_at >= $8) ORDER BY scope;
-- cutoff_once
INSERT INTO cutoffs (scope, subject, cut_at, written_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING scope;
-- cutoff_raise
INSERT INTO cutoffs (scope, subject, cut_at, written_at) VALUES ($1, $2, $3, $4) ON CONFLICT (scope, subject) DO UPDATE SET cut_at = excluded.cut_at, written_at = excluded.written_at WHERE excluded.cut_at > cutoffs.cut_at RETURNING scope;
-- cutoff_changes
SELECT scope, subject, cut_at FROM cutoffs WHERE written_at >= $1 ORDER BY written_at, scope, subject;
-- key_list
SELECT kid, purpose, algorithm, state, public_jwk, staged_at, activates_at, activated_at, retired_at, gone_at, revoked_at, revision, custody FROM key_records ORDER BY staged_at, kid;
-- key_insert
INSERT INTO key_records (kid, purpose, algorithm, state, public_jwk, staged_at, activates_at, activated_at, revision, sealed_private, custody) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING kid;
-- key_advance
UPDATE key_records SET state = $3, activates_at = $4, activated_at = $5, retired_at = $6, gone_at = $7, revoked_at = $8, revision = $9 WHERE kid = $1 AND revision = $2 RETURNING kid;
-- key_destroy
UPDATE key_records SET sealed_private = NULL WHERE kid = $1;
-- key_private
SELECT purpose, algorithm, state, revision, sealed_private FROM key_records WHERE kid = $1;
-- key_state
SELECT state, revision FROM key_records WHERE kid = $1;
-- key_public
SELECT public_jwk, custody FROM key_records WHERE kid = $1;
-- key_custody
SELECT state, custody, purpose, algorithm, public_jwk FROM key_records WHERE kid = $1;
-- audit_insert
INSERT INTO audit_events (writer, sequence, id, previous_hash, at, kind, record, leaf_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);
-- audit_payload_insert
INSERT INTO audit_payloads (event, at, sealed) VALUES ($1, $2, $3);
-- audit_rows
SELECT writer, sequence, id, previous_hash, record, leaf_hash FROM audit_events WHERE writer > $1 OR (writer = $1 AND sequence > $2) ORDER BY writer, sequence LIMIT $3;
-- clock
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
-- begin_read_committed
BEGIN ISOLATION LEVEL READ COMMITTED;
-- schema_made_postgres
SELECT to_regclass('_sqlx_migrations') IS NOT NULL;
-- client_enabled_locked
SELECT enabled FROM clients WHERE client_id = $1 FOR SHARE;
-- person_status_locked
SELECT status FROM persons WHERE id = $1 FOR SHARE;
-- device_status_locked
SELECT status FROM devices WHERE id = $1 FOR SHARE;
-- device_holder_status_locked
SELECT d.status, p.status FROM persons p JOIN devices d ON d.person = p.id WHERE d.id = $1 AND d.person = $2 FOR SHARE OF p FOR NO KEY UPDATE OF d;
-- family_alive_locked
SELECT f.id FROM families f JOIN grants g ON g.id = f.grant_id WHERE f.id = $1 AND g.id = $2 AND NOT f.dead AND NOT g.dead FOR NO KEY UPDATE OF f FOR SHARE OF g;
-- session_share
SELECT pg_advisory_xact_lock_shared($1);
-- session_hold
SELECT pg_advisory_xact_lock($1);
-- artefact_hold
SELECT pg_advisory_xact_lock($1, $2);
-- tree_find
SELECT size, peaks FROM audit_tree WHERE id = 1;
-- tree_advance
UPDATE audit_tree SET size = $1, peaks = $2 WHERE id = 1;
-- lanes_begin
INSERT INTO audit_lanes (writer, next_sequence, head) SELECT e.writer, 0, $1 FROM audit_events e WHERE e.sequence = 0 AND NOT EXISTS (SELECT 1 FROM audit_lanes l WHERE l.writer = e.writer) ON CONFLICT DO NOTHING;
-- lanes_waiting
SELECT e.writer, e.sequence, e.previous_hash, e.at, e.leaf_hash, l.next_sequence, l.head FROM audit_lanes l CROSS JOIN audit_events e WHERE e.writer = l.writer AND e.sequence >= l.next_sequence AND e.sequence < l.next_sequence + $1 ORDER BY e.sequence - l.next_sequence, e.writer LIMIT $2;
-- lanes_oldest
SELECT min(e.at) FROM audit_lanes l CROSS JOIN audit_events e WHERE e.writer = l.writer AND e.sequence = l.next_sequence;
-- lane_advance
UPDATE audit_lanes SET next_sequence = $2, head = $3 WHERE writer = $1;
-- log_insert
INSERT INTO audit_log (log_index, writer, sequence, leaf_hash) VALUES ($1, $2, $3, $4);
-- log_entries
SELECT g.log_index, g.writer, g.sequence, g.leaf_hash AS entered, e.id, e.previous_hash, e.at, e.kind, e.record, e.leaf_hash FROM audit_log g LEFT JOIN audit_events e ON e.writer = g.writer AND e.sequence = g.sequence WHERE g.log_index >= $1 ORDER BY g.log_index LIMIT $2;
-- log_absent
SELECT e.writer, e.sequence, e.id, e.previous_hash, e.at, e.kind, CASE WHEN g.log_index < $1 THEN NULL ELSE e.record END, e.leaf_hash FROM audit_events e LEFT JOIN audit_log g ON g.writer = e.writer AND g.sequence = e.sequence WHERE e.writer > $2 OR (e.writer = $2 AND e.sequence > $3) ORDER BY e.writer, e.sequence LIMIT $4;
-- log_search
SELECT g.log_index, e.writer, e.sequence, e.leaf_hash AS entered, e.id, e.previous_hash, e.at, e.kind, e.record, e.leaf_hash FROM audit_events e LEFT JOIN audit_log g ON g.writer = e.writer AND g.sequence = e.sequence WHERE e.id > $1 AND e.id <= $2 ORDER BY e.id LIMIT $3;
-- checkpoint_last
SELECT number, size, root, at, note FROM audit_checkpoints ORDER BY number DESC LIMIT 1;
-- checkpoint_list
SELECT number, size, root, at, note FROM audit_checkpoints WHERE number > $1 ORDER BY number LIMIT $2;
-- checkpoint_insert
INSERT INTO audit_checkpoints (number, size, root, at, note) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING number;
-- audit_keys
SELECT kid, state, public_jwk FROM key_records WHERE purpose = 'audit' ORDER BY staged_at, kid;
-- payload_find
SELECT sealed FROM audit_payloads WHERE event = $1;
-- payload_aged
SELECT p.event, p.at, e.kind FROM audit_payloads p JOIN audit_events e ON e.id = p.event WHERE p.at < $1 AND (p.at > $2 OR (p.at = $2 AND p.event > $3)) ORDER BY p.at, p.event LIMIT $4;
-- payload_erase
DELETE FROM audit_payloads WHERE event = $1 RETURNING event;
-- tree_hold
SELECT size, peaks FROM audit_tree WHERE id = 1 FOR NO KEY UPDATE SKIP LOCKED;
-- run_drop_refused
UPDATE directory_runs SET active = FALSE, state = 'discarded', ended_at = $1 WHERE active AND state = 'refused' RETURNING id;
-- run_insert
INSERT INTO directory_runs (id, active, state, owner, began_at, whole, position, numbers) VALUES ($1, TRUE, $2, $3, $4, FALSE, $5, $6) ON CONFLICT DO NOTHING RETURNING id;
-- run_active
SELECT id, state, began_at, ended_at, numbers FROM directory_runs WHERE active;
-- run_last
SELECT id, state, began_at, ended_at, numbers FROM directory_runs ORDER BY began_at DESC LIMIT 1;
-- run_last_whole
SELECT id, state, began_at, ended_at, numbers FROM directory_runs WHERE whole AND state = 'applied' ORDER BY began_at DESC LIMIT 1;
-- run_take
UPDATE directory_runs SET owner = $2 WHERE id = $1 AND active RETURNING id;
-- run_owned
SELECT id FROM directory_runs WHERE id = $1 AND owner = $2 AND active;
-- run_position
SELECT position FROM directory_runs WHERE id = $1;
-- run_advance
UPDATE directory_runs SET active = $4, state = $3, ended_at = $5, whole = $6, numbers = $7 WHERE id = $1 AND owner = $2 AND active RETURNING id;
-- run_progress
UPDATE directory_runs SET position = $3, numbers = $4 WHERE id = $1 AND owner = $2 AND active RETURNING id;
-- block_insert
INSERT INTO directory_blocks (run, chunk, last_index, sealed) VALUES ($1, $2, $3, $4);
-- block_next
SELECT last_index, sealed FROM directory_blocks WHERE run = $1 AND chunk = $2 AND last_index > $3 ORDER BY last_index LIMIT 1;
-- block_clear
DELETE FROM directory_blocks WHERE (run, chunk, last_index) IN (SELECT run, chunk, last_index FROM directory_blocks WHERE run NOT IN (SELECT id FROM directory_runs WHERE active) LIMIT $1) RETURNING chunk;
-- person_page
SELECT national_index, id, status, record_digest FROM persons WHERE kind = 'professional' AND national_index > $1 ORDER BY national_index LIMIT $2;
-- person_import
INSERT INTO persons (id, national_index, status, bindings, sealed, record_digest) VALUES ($1, $2, $3, 0, $4, $5) ON CONFLICT DO NOTHING RETURNING id;
-- person_for_change
SELECT id, status, sealed FROM persons WHERE id = $1;
-- person_record
UPDATE persons SET status = $2, sealed = $3, record_digest = $4 WHERE id = $1;
-- person_deactivate
UPDATE persons SET status = 'deactivated' WHERE id = $1 AND status = 'active' AND kind = 'professional' RETURNING id;
-- person_identity
UPDATE persons SET national_index = $2, status = $3, sealed = $4, record_digest = NULL WHERE id = $1;
-- person_used
SELECT id FROM grants WHERE person = $1 LIMIT 1;
-- device_of_person
SELECT id, status, sign_count, sealed FROM devices WHERE person = $1 ORDER BY created_at, id;
-- device_move
UPDATE devices SET person = $2, sealed = $3 WHERE id = $1;
-- consent_move
INSERT INTO consents (person, client, scope, given_at) SELECT $2, client, scope, given_at FROM consents WHERE person = $1 ON CONFLICT (person, client) DO NOTHING;
-- person_by_index
SELECT id, status, sealed FROM persons WHERE national_index = $1;
-- person_retire
UPDATE persons SET national_index = $2, status = 'deactivated', record_digest = NULL WHERE id = $1;
-- run_any_active
SELECT id FROM directory_runs WHERE active AND state <> 'refused';
-- run_owned_locked
SELECT id FROM directory_runs WHERE id = $1 AND owner = $2 AND active FOR NO KEY UPDATE;
-- person_for_change_locked
SELECT id, status, sealed FROM persons WHERE id = $1 FOR NO KEY UPDATE;
-- person_by_index_locked
SELECT id, status, sealed FROM persons WHERE national_index = $1 FOR UPDATE;
-- device_of_person_locked
SELECT id, status, sign_count, sealed FROM devices WHERE person = $1 ORDER BY created_at, id FOR NO KEY UPDATE;
-- link_find
SELECT id, person, linked_at, sealed FROM links WHERE key_index = $1;
-- link_list
SELECT id, person, linked_at, sealed FROM links WHERE person = $1 ORDER BY linked_at, id;
-- link_insert
INSERT INTO links (id, person, key_index, linked_at, sealed) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key_index) DO NOTHING RETURNING id;
-- link_delete
DELETE FROM links WHERE id = $1 AND person = $2 RETURNING id;
-- link_move
UPDATE links SET person = $2 WHERE person = $1;
-- person_linkable
SELECT p.id, p.status, p.sealed, p.linked, (p.bindings > 0 OR EXISTS (SELECT 1 FROM devices d WHERE d.person = p.id)) AS had_device FROM persons p WHERE p.id = $1;
-- person_linked
UPDATE persons SET linked = TRUE, sealed = $2 WHERE id = $1;
-- person_had_link
UPDATE persons SET linked = TRUE WHERE id = $2 AND EXISTS (SELECT 1 FROM persons o WHERE o.id = $1 AND o.linked);
-- person_candidates
SELECT p.id, p.status, p.sealed, p.linked, (p.bindings > 0 OR EXISTS (SELECT 1 FROM devices d WHERE d.person = p.id)) AS had_device FROM persons p WHERE p.pivot_index = $1 ORDER BY p.id;
-- patient_find
SELECT id, status, sealed FROM persons WHERE national_index = $1 AND kind = 'patient';
-- patient_insert
INSERT INTO persons (id, national_index, kind, status, bindings, sealed, pivot_index, ins_environment) VALUES ($1, $2, 'patient', $3, 0, $4, $5, $6) ON CONFLICT (national_index) DO NOTHING RETURNING id;
-- patient_record
UPDATE persons SET status = $2, sealed = $3, pivot_index = $4, ins_environment = $5 WHERE id = $1;
-- patient_of_environment
SELECT id FROM persons WHERE ins_environment = $1 LIMIT 1;
-- consent_list
SELECT client, scope, given_at, NULL AS represented FROM consents WHERE person = $1 UNION ALL SELECT client, scope, given_at, represented FROM consents_on_behalf WHERE person = $1 ORDER BY given_at, client;
-- consent_delete
DELETE FROM consents WHERE person = $1 AND client = $2 RETURNING client;
-- grants_alive
SELECT id FROM grants WHERE person = $1 AND client = $2 AND created_at >= $3 AND represented IS NOT DISTINCT FROM $4 AND NOT dead ORDER BY id;
-- person_linkable_locked
SELECT p.id, p.status, p.sealed, p.linked, (p.bindings > 0 OR EXISTS (SELECT 1 FROM devices d WHERE d.person = p.id)) AS had_device FROM persons p WHERE p.id = $1 FOR NO KEY UPDATE OF p;
-- patient_find_locked
SELECT id, status, sealed FROM persons WHERE national_index = $1 AND kind = 'patient' FOR NO KEY UPDATE;
-- guardianship_insert
INSERT INTO guardianships (guardian_index, patient) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING patient;
-- guardianship_delete
DELETE FROM guardianships WHERE patient = $1 RETURNING patient;
-- patient_represented
SELECT p.id, p.status, p.sealed FROM guardianships g JOIN persons p ON p.id = g.patient WHERE g.guardian_index = $1 ORDER BY p.id;
-- behalf_find
SELECT scope, given_at FROM consents_on_behalf WHERE person = $1 AND client = $2 AND represented = $3;
-- behalf_upsert
INSERT INTO consents_on_behalf (person, client, scope, given_at, represented) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (person, represented, client) DO UPDATE SET scope = excluded.scope, given_at = excluded.given_at;
-- behalf_delete
DELETE FROM consents_on_behalf WHERE person = $1 AND client = $2 AND represented = $3 RETURNING client;
-- person_stale
SELECT id, CASE WHEN substr(sealed, 1, 5) = $2 THEN NULL ELSE sealed END FROM persons WHERE id > $1 ORDER BY id LIMIT $3;
-- person_reseal
UPDATE persons SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id;
-- device_stale
SELECT id, CASE WHEN substr(sealed, 1, 5) = $2 THEN NULL ELSE sealed END FROM devices WHERE id > $1 ORDER BY id LIMIT $3;
-- device_reseal
UPDATE devices SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id;
-- link_stale
SELECT id, CASE WHEN substr(sealed, 1, 5) = $2 THEN NULL ELSE sealed END FROM links WHERE id > $1 ORDER BY id LIMIT $3;
-- link_reseal
UPDATE links SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id;
-- grant_stale
SELECT id, CASE WHEN substr(sealed, 1, 5) = $2 THEN NULL ELSE sealed END FROM grants WHERE id > $1 ORDER BY id LIMIT $3;
-- grant_reseal
UPDATE grants SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id;
-- family_stale
SELECT id, CASE WHEN substr(current_sealed, 1, 5) = $2 THEN NULL ELSE current_sealed END FROM families WHERE id > $1 ORDER BY id LIMIT $3;
-- family_reseal
UPDATE families SET current_sealed = $3 WHERE id = $1 AND current_sealed = $2 RETURNING id;
-- proof_stale
SELECT approval, CASE WHEN substr(proof_sealed, 1, 5) = $2 THEN NULL ELSE proof_sealed END FROM decisions WHERE approval > $1 ORDER BY approval LIMIT $3;
-- proof_reseal
UPDATE decisions SET proof_sealed = $3 WHERE approval = $1 AND proof_sealed = $2 RETURNING approval;
-- evidence_stale
SELECT approval, CASE WHEN substr(evidence_sealed, 1, 5) = $2 THEN NULL ELSE evidence_sealed END FROM decisions WHERE approval > $1 ORDER BY approval LIMIT $3;
-- evidence_reseal
UPDATE decisions SET evidence_sealed = $3 WHERE approval = $1 AND evidence_sealed = $2 RETURNING approval;
-- payload_stale
SELECT event, CASE WHEN substr(sealed, 1, 5) = $2 THEN NULL ELSE sealed END FROM audit_payloads WHERE event > $1 ORDER BY event LIMIT $3;
-- payload_reseal
UPDATE audit_payloads SET sealed = $3 WHERE event = $1 AND sealed = $2 RETURNING event;
-- block_stale
SELECT run, chunk, last_index, CASE WHEN substr(sealed, 1, 5) = $4 THEN NULL ELSE sealed END FROM directory_blocks WHERE (run, chunk, last_index) > ($1, $2, $3) ORDER BY run, chunk, last_index LIMIT $5;
-- block_reseal
UPDATE directory_blocks SET sealed = $5 WHERE run = $1 AND chunk = $2 AND last_index = $3 AND sealed = $4 RETURNING run;
-- key_reseal
UPDATE key_records SET sealed_private = $3 WHERE kid = $1 AND sealed_private = $2 RETURNING kid;
-- person_reseal_free
UPDATE persons SET sealed = $3 WHERE id = (SELECT id FROM persons WHERE id = $1 AND sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id;
-- device_reseal_free
UPDATE devices SET sealed = $3 WHERE id = (SELECT id FROM devices WHERE id = $1 AND sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id;
-- link_reseal_free
UPDATE links SET sealed = $3 WHERE id = (SELECT id FROM links WHERE id = $1 AND sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id;
-- grant_reseal_free
UPDATE grants SET sealed = $3 WHERE id = (SELECT id FROM grants WHERE id = $1 AND sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id;
-- family_reseal_free
UPDATE families SET current_sealed = $3 WHERE id = (SELECT id FROM families WHERE id = $1 AND current_sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id;
-- proof_reseal_free
UPDATE decisions SET proof_sealed = $3 WHERE approval = (SELECT approval FROM decisions WHERE approval = $1 AND proof_sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING approval;
-- evidence_reseal_free
UPDATE decisions SET evidence_sealed = $3 WHERE approval = (SELECT approval FROM decisions WHERE approval = $1 AND evidence_sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING approval;
-- payload_reseal_free
UPDATE audit_payloads SET sealed = $3 WHERE event = (SELECT event FROM audit_payloads WHERE event = $1 AND sealed = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING event;
