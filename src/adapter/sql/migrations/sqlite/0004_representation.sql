-- Acting for somebody: who is named as a guardian, and what was agreed to and granted on behalf of another.

-- The keyed hash of the reference of somebody who may act, beside each patient whose record names them.
CREATE TABLE guardianships (
    guardian_index  BLOB NOT NULL,
    patient         BLOB NOT NULL REFERENCES persons (id),
    PRIMARY KEY (guardian_index, patient)
) STRICT;

CREATE INDEX guardianships_of_patient ON guardianships (patient);

-- Consents given for oneself stay in `consents`.
CREATE TABLE consents_on_behalf (
    person       BLOB NOT NULL REFERENCES persons (id),
    represented  BLOB NOT NULL REFERENCES persons (id),
    client       TEXT NOT NULL REFERENCES clients (client_id),
    scope        TEXT NOT NULL,
    given_at     INTEGER NOT NULL,
    PRIMARY KEY (person, represented, client)
) STRICT;

-- For whom a grant is, when not for its person.
ALTER TABLE grants ADD COLUMN represented BLOB REFERENCES persons (id);
