-- Acting for somebody: who is named as a guardian, and what was agreed to and granted on behalf of another.

-- The keyed hash of the reference of somebody who may act, beside each patient whose record names them.
CREATE TABLE guardianships (
    guardian_index  bytea NOT NULL,
    patient         uuid NOT NULL REFERENCES persons (id),
    PRIMARY KEY (guardian_index, patient)
);

CREATE INDEX guardianships_of_patient ON guardianships (patient);

-- Consents given for oneself stay in `consents`.
CREATE TABLE consents_on_behalf (
    person       uuid NOT NULL REFERENCES persons (id),
    represented  uuid NOT NULL REFERENCES persons (id),
    client       text NOT NULL REFERENCES clients (client_id),
    scope        text NOT NULL,
    given_at     bigint NOT NULL,
    PRIMARY KEY (person, represented, client)
);

-- For whom a grant is, when not for its person.
ALTER TABLE grants ADD COLUMN represented uuid REFERENCES persons (id);
