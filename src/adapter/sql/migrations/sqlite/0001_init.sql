-- Times are milliseconds since 1970-01-01T00:00:00Z. Columns named `sealed` hold AES-256-GCM values bound to
-- their table and row. No identity number, name, contact, token or code stands in clear.

CREATE TABLE clients (
    client_id  TEXT PRIMARY KEY NOT NULL,
    enabled    INTEGER NOT NULL,
    metadata   TEXT NOT NULL
) STRICT;

CREATE TABLE persons (
    id              BLOB PRIMARY KEY NOT NULL,
    national_index  BLOB NOT NULL UNIQUE,
    status          TEXT NOT NULL,
    bindings        INTEGER NOT NULL,
    sealed          BLOB NOT NULL
) STRICT;

CREATE TABLE devices (
    id                BLOB PRIMARY KEY NOT NULL,
    person            BLOB NOT NULL REFERENCES persons (id),
    credential_index  BLOB NOT NULL UNIQUE,
    jkt               BLOB NOT NULL UNIQUE,
    status            TEXT NOT NULL,
    sign_count        INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    sealed            BLOB NOT NULL
) STRICT;

CREATE INDEX devices_of_person ON devices (person, created_at);

CREATE TABLE single_use (
    kind        TEXT NOT NULL,
    hash        BLOB NOT NULL,
    kept_until  INTEGER NOT NULL,
    grant_id    BLOB,
    PRIMARY KEY (kind, hash)
) STRICT;

CREATE INDEX single_use_expiry ON single_use (kept_until);

CREATE TABLE grants (
    id          BLOB PRIMARY KEY NOT NULL,
    person      BLOB NOT NULL REFERENCES persons (id),
    client      TEXT NOT NULL REFERENCES clients (client_id),
    sid         BLOB NOT NULL,
    device      BLOB REFERENCES devices (id),
    created_at  INTEGER NOT NULL,
    dead        INTEGER NOT NULL,
    sealed      BLOB NOT NULL
) STRICT;

CREATE INDEX grants_of_session ON grants (sid);

CREATE TABLE families (
    id               BLOB PRIMARY KEY NOT NULL,
    grant_id         BLOB NOT NULL REFERENCES grants (id),
    generation       INTEGER NOT NULL,
    current_hash     BLOB NOT NULL,
    previous_hash    BLOB,
    current_sealed   BLOB NOT NULL,
    jkt              BLOB,
    absolute_expiry  INTEGER NOT NULL,
    idle_expiry      INTEGER NOT NULL,
    dead             INTEGER NOT NULL
) STRICT;

CREATE INDEX families_of_grant ON families (grant_id);

CREATE TABLE issuances (
    jti        TEXT PRIMARY KEY NOT NULL,
    kid        TEXT NOT NULL,
    issued_at  INTEGER NOT NULL,
    client     TEXT NOT NULL,
    person     BLOB NOT NULL,
    sid        BLOB NOT NULL,
    grant_id   BLOB NOT NULL REFERENCES grants (id),
    family     BLOB
) STRICT;

CREATE INDEX issuances_of_key ON issuances (kid, issued_at);

CREATE TABLE consents (
    person    BLOB NOT NULL REFERENCES persons (id),
    client    TEXT NOT NULL REFERENCES clients (client_id),
    scope     TEXT NOT NULL,
    given_at  INTEGER NOT NULL,
    PRIMARY KEY (person, client)
) STRICT;

CREATE TABLE decisions (
    approval         BLOB PRIMARY KEY NOT NULL,
    device           BLOB NOT NULL REFERENCES devices (id),
    decided_at       INTEGER NOT NULL,
    proof_sealed     BLOB NOT NULL,
    evidence_sealed  BLOB NOT NULL
) STRICT;

CREATE TABLE cutoffs (
    scope       TEXT NOT NULL,
    subject     TEXT NOT NULL,
    cut_at      INTEGER NOT NULL,
    written_at  INTEGER NOT NULL,
    PRIMARY KEY (scope, subject)
) STRICT;

CREATE INDEX cutoffs_written ON cutoffs (written_at);

CREATE TABLE key_records (
    kid             TEXT PRIMARY KEY NOT NULL,
    purpose         TEXT NOT NULL,
    algorithm       TEXT NOT NULL,
    state           TEXT NOT NULL,
    public_jwk      TEXT,
    staged_at       INTEGER NOT NULL,
    activates_at    INTEGER,
    activated_at    INTEGER,
    retired_at      INTEGER,
    gone_at         INTEGER,
    revoked_at      INTEGER,
    revision        INTEGER NOT NULL,
    sealed_private  BLOB
) STRICT;

-- One standby and one key in use for each purpose and algorithm.
CREATE UNIQUE INDEX key_records_staged ON key_records (purpose, algorithm) WHERE state = 'staged';
CREATE UNIQUE INDEX key_records_active ON key_records (purpose, algorithm) WHERE state = 'active';

CREATE TABLE audit_events (
    writer         BLOB NOT NULL,
    sequence       INTEGER NOT NULL,
    id             BLOB NOT NULL UNIQUE,
    previous_hash  BLOB NOT NULL,
    at             INTEGER NOT NULL,
    kind           TEXT NOT NULL,
    record         BLOB NOT NULL,
    leaf_hash      BLOB NOT NULL,
    PRIMARY KEY (writer, sequence)
) STRICT;

-- What opens the salted hashes of a record; erased at the end of retention.
CREATE TABLE audit_payloads (
    event   BLOB PRIMARY KEY NOT NULL REFERENCES audit_events (id),
    at      INTEGER NOT NULL,
    sealed  BLOB NOT NULL
) STRICT;

CREATE INDEX audit_payloads_age ON audit_payloads (at);
