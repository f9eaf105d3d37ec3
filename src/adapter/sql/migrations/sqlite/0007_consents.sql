-- In which quality a consent on behalf of another was given. Known where the time beside it is that of the consent: the
-- version before this one writes a consent and leaves these columns as they are.
ALTER TABLE consents_on_behalf ADD COLUMN kind TEXT;
ALTER TABLE consents_on_behalf ADD COLUMN kind_given_at INTEGER;

-- Up to when a consent was taken back: a code that relies on what was agreed to by then gives nothing. Who is represented
-- is the person, where they acted for themself.
CREATE TABLE consent_withdrawals (
    person        BLOB NOT NULL REFERENCES persons (id),
    represented   BLOB NOT NULL REFERENCES persons (id),
    client        TEXT NOT NULL REFERENCES clients (client_id),
    withdrawn_at  INTEGER NOT NULL,
    PRIMARY KEY (person, represented, client)
) STRICT;
