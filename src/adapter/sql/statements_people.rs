//! The SQL statements of patients and links: the third part of the catalogue.

/// What both engines run for patients and links, by name.
pub const PEOPLE: [(&str, &str); 19] = [
    ("link_find", LINK_FIND),
    ("link_list", LINK_LIST),
    ("link_insert", LINK_INSERT),
    ("link_delete", LINK_DELETE),
    ("link_move", LINK_MOVE),
    ("link_held", LINK_HELD),
    ("person_linkable", PERSON_LINKABLE),
    ("person_linked", PERSON_LINKED),
    ("person_had_link", PERSON_HAD_LINK),
    ("person_candidates", PERSON_CANDIDATES),
    ("patient_find", PATIENT_FIND),
    ("patient_insert", PATIENT_INSERT),
    ("patient_record", PATIENT_RECORD),
    ("patient_of_environment", PATIENT_OF_ENVIRONMENT),
    ("consent_list", CONSENT_LIST),
    ("consent_delete", CONSENT_DELETE),
    ("grants_alive", GRANTS_ALIVE),
    ("consent_withdraw", CONSENT_WITHDRAW),
    ("consent_withdrawn", CONSENT_WITHDRAWN),
];

/// What PostgreSQL alone runs for patients and links.
pub const PEOPLE_ONLY_POSTGRES: [(&str, &str); 3] = [
    ("person_linkable_locked", PERSON_LINKABLE_LOCKED),
    ("patient_find_locked", PATIENT_FIND_LOCKED),
    ("link_held_locked", LINK_HELD_LOCKED),
];

pub(super) const LINK_FIND: &str = "SELECT id, person, linked_at, sealed FROM links WHERE key_index = $1";
pub(super) const LINK_LIST: &str =
    "SELECT id, person, linked_at, sealed FROM links WHERE person = $1 ORDER BY linked_at, id";
pub(super) const LINK_INSERT: &str = "INSERT INTO links (id, person, key_index, linked_at, sealed) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key_index) DO NOTHING RETURNING id";
pub(super) const LINK_DELETE: &str = "DELETE FROM links WHERE id = $1 AND person = $2 RETURNING id";
pub(super) const LINK_HELD: &str = "SELECT person FROM links WHERE key_index = $1";
pub(super) const LINK_HELD_LOCKED: &str = "SELECT person FROM links WHERE key_index = $1 FOR SHARE";
pub(super) const LINK_MOVE: &str = "UPDATE links SET person = $2 WHERE person = $1";

// `bindings` counts every phone ever enrolled, in the row that is locked; phones that came with a merge are looked for.
pub(super) const PERSON_LINKABLE: &str = "SELECT p.id, p.status, p.sealed, p.linked, \
     (p.bindings > 0 OR EXISTS (SELECT 1 FROM devices d WHERE d.person = p.id)) AS had_device \
     FROM persons p WHERE p.id = $1";
pub(super) const PERSON_LINKABLE_LOCKED: &str = "SELECT p.id, p.status, p.sealed, p.linked, \
     (p.bindings > 0 OR EXISTS (SELECT 1 FROM devices d WHERE d.person = p.id)) AS had_device \
     FROM persons p WHERE p.id = $1 FOR NO KEY UPDATE OF p";
pub(super) const PERSON_LINKED: &str = "UPDATE persons SET linked = TRUE, sealed = $2 WHERE id = $1";
// Two accounts became one: what one had, both had.
pub(super) const PERSON_HAD_LINK: &str = "UPDATE persons SET linked = TRUE \
     WHERE id = $2 AND EXISTS (SELECT 1 FROM persons o WHERE o.id = $1 AND o.linked)";
pub(super) const PERSON_CANDIDATES: &str = "SELECT p.id, p.status, p.sealed, p.linked, \
     (p.bindings > 0 OR EXISTS (SELECT 1 FROM devices d WHERE d.person = p.id)) AS had_device \
     FROM persons p WHERE p.pivot_index = $1 ORDER BY p.id";

pub(super) const PATIENT_FIND: &str =
    "SELECT id, status, sealed FROM persons WHERE national_index = $1 AND kind = 'patient'";
pub(super) const PATIENT_FIND_LOCKED: &str = "SELECT id, status, sealed FROM persons \
     WHERE national_index = $1 AND kind = 'patient' FOR NO KEY UPDATE";
pub(super) const PATIENT_INSERT: &str = "INSERT INTO persons \
     (id, national_index, kind, status, bindings, sealed, pivot_index, ins_environment) \
     VALUES ($1, $2, 'patient', $3, 0, $4, $5, $6) ON CONFLICT (national_index) DO NOTHING RETURNING id";
pub(super) const PATIENT_RECORD: &str = "UPDATE persons SET status = $2, sealed = $3, pivot_index = $4, \
     ins_environment = $5 WHERE id = $1";
pub(super) const PATIENT_OF_ENVIRONMENT: &str = "SELECT id FROM persons WHERE ins_environment = $1 LIMIT 1";

pub(super) const CONSENT_LIST: &str = "SELECT client, scope, given_at, NULL AS represented, NULL AS kind \
     FROM consents WHERE person = $1 UNION ALL SELECT client, scope, given_at, represented, \
     CASE WHEN kind_given_at = given_at THEN kind END AS kind FROM consents_on_behalf WHERE person = $1 \
     ORDER BY given_at, client";
pub(super) const CONSENT_DELETE: &str =
    "DELETE FROM consents WHERE person = $1 AND client = $2 RETURNING client";
pub(super) const GRANTS_ALIVE: &str = "SELECT id FROM grants WHERE person = $1 AND client = $2 AND created_at >= $3 \
     AND represented IS NOT DISTINCT FROM $4 AND NOT dead ORDER BY id";
pub(super) const CONSENT_WITHDRAW: &str = "INSERT INTO consent_withdrawals (person, represented, client, withdrawn_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (person, represented, client) DO UPDATE SET withdrawn_at = excluded.withdrawn_at \
     WHERE excluded.withdrawn_at > consent_withdrawals.withdrawn_at";
pub(super) const CONSENT_WITHDRAWN: &str = "SELECT client FROM consent_withdrawals \
     WHERE person = $1 AND represented = $2 AND client = $3 AND withdrawn_at >= $4";
