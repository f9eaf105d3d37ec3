-- Patients, and the links of persons to their accounts at other providers.

-- Which directory feeds the person. A patient's national_index is the keyed hash of the reference in that directory.
ALTER TABLE persons ADD COLUMN kind TEXT NOT NULL DEFAULT 'professional';
-- The keyed hash of a patient's civil-register traits. Two people may have the same.
ALTER TABLE persons ADD COLUMN pivot_index BLOB;
-- Of which registers a patient's health number is, so that those of another environment are found at once.
ALTER TABLE persons ADD COLUMN ins_environment TEXT;
-- Whether a link was ever made: it stays when the link goes.
ALTER TABLE persons ADD COLUMN linked INTEGER NOT NULL DEFAULT FALSE;

-- The import of professionals walks its own persons alone.
CREATE INDEX persons_of_kind ON persons (kind, national_index);
CREATE INDEX persons_of_pivot ON persons (pivot_index) WHERE pivot_index IS NOT NULL;
CREATE INDEX persons_of_ins ON persons (ins_environment) WHERE ins_environment IS NOT NULL;

-- The key is the keyed hash of issuer and subject.
CREATE TABLE links (
    id         BLOB PRIMARY KEY NOT NULL,
    person     BLOB NOT NULL REFERENCES persons (id),
    key_index  BLOB NOT NULL UNIQUE,
    linked_at  INTEGER NOT NULL,
    sealed     BLOB NOT NULL
) STRICT;

CREATE INDEX links_of_person ON links (person, linked_at);
