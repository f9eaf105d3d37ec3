-- In which quality a consent on behalf of another was given. Known where the time beside it is that of the consent: the
-- version before this one writes a consent and leaves these columns as they are.
ALTER TABLE consents_on_behalf ADD COLUMN kind text;
ALTER TABLE consents_on_behalf ADD COLUMN kind_given_at bigint;

-- Up to when a consent was taken back: a code that relies on what was agreed to by then gives nothing. Who is represented
-- is the person, where they acted for themself.
CREATE TABLE consent_withdrawals (
    person        uuid NOT NULL REFERENCES persons (id),
    represented   uuid NOT NULL REFERENCES persons (id),
    client        text NOT NULL REFERENCES clients (client_id),
    withdrawn_at  bigint NOT NULL,
    PRIMARY KEY (person, represented, client)
);
