//! The SQL statements of acting for somebody: the fourth part of the catalogue.

/// What both engines run for representation, by name.
pub const REPRESENTATION: [(&str, &str); 6] = [
    ("guardianship_insert", GUARDIANSHIP_INSERT),
    ("guardianship_delete", GUARDIANSHIP_DELETE),
    ("patient_represented", PATIENT_REPRESENTED),
    ("behalf_find", BEHALF_FIND),
    ("behalf_upsert", BEHALF_UPSERT),
    ("behalf_delete", BEHALF_DELETE),
];

pub(super) const GUARDIANSHIP_INSERT: &str = "INSERT INTO guardianships (guardian_index, patient) \
     VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING patient";
pub(super) const GUARDIANSHIP_DELETE: &str = "DELETE FROM guardianships WHERE patient = $1 RETURNING patient";
pub(super) const PATIENT_REPRESENTED: &str = "SELECT p.id, p.status, p.sealed FROM guardianships g \
     JOIN persons p ON p.id = g.patient WHERE g.guardian_index = $1 ORDER BY p.id";

pub(super) const BEHALF_FIND: &str = "SELECT scope, given_at, CASE WHEN kind_given_at = given_at THEN kind END AS kind \
     FROM consents_on_behalf WHERE person = $1 AND client = $2 AND represented = $3";
pub(super) const BEHALF_UPSERT: &str = "INSERT INTO consents_on_behalf \
     (person, client, scope, given_at, represented, kind, kind_given_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $4) ON CONFLICT (person, represented, client) \
     DO UPDATE SET scope = excluded.scope, given_at = excluded.given_at, kind = excluded.kind, \
     kind_given_at = excluded.kind_given_at";
pub(super) const BEHALF_DELETE: &str = "DELETE FROM consents_on_behalf \
     WHERE person = $1 AND client = $2 AND represented = $3 RETURNING client";
