-- Single use and issuance by the expiry of what they are about. A file keeps (kind, hash) alone as its key.
ALTER TABLE single_use ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;

ALTER TABLE issuances ADD COLUMN kept_until INTEGER NOT NULL DEFAULT 0;
UPDATE issuances SET kept_until = issued_at + 86400000;
CREATE INDEX issuances_expiry ON issuances (kept_until);

-- The oldest version of the schema whose program can work on this one.
CREATE TABLE schema_support (
    id               INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    compatible_from  INTEGER NOT NULL
) STRICT;

INSERT INTO schema_support (id, compatible_from) VALUES (1, 6);
