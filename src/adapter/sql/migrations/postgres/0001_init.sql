-- Times are milliseconds since 1970-01-01T00:00:00Z. Columns named `sealed` hold AES-256-GCM values bound to
-- their table and row. No identity number, name, contact, token or code stands in clear.

CREATE TABLE clients (
    client_id  text COLLATE "C" PRIMARY KEY,
    enabled    boolean NOT NULL,
    metadata   text NOT NULL
);

CREATE TABLE persons (
    id              uuid PRIMARY KEY,
    national_index  bytea NOT NULL UNIQUE,
    status          text NOT NULL,
    bindings        bigint NOT NULL,
    sealed          bytea NOT NULL
);

CREATE TABLE devices (
    id                uuid PRIMARY KEY,
    person            uuid NOT NULL REFERENCES persons (id),
    credential_index  bytea NOT NULL UNIQUE,
    jkt               bytea NOT NULL UNIQUE,
    status            text NOT NULL,
    sign_count        bigint NOT NULL,
    created_at        bigint NOT NULL,
    sealed            bytea NOT NULL
);

CREATE INDEX devices_of_person ON devices (person, created_at);

CREATE TABLE single_use (
    kind        text COLLATE "C" NOT NULL,
    hash        bytea NOT NULL,
    kept_until  bigint NOT NULL,
    grant_id    uuid,
    PRIMARY KEY (kind, hash)
);

CREATE INDEX single_use_expiry ON single_use (kept_until);

CREATE TABLE grants (
    id          uuid PRIMARY KEY,
    person      uuid NOT NULL REFERENCES persons (id),
    client      text COLLATE "C" NOT NULL REFERENCES clients (client_id),
    sid         uuid NOT NULL,
    device      uuid REFERENCES devices (id),
    created_at  bigint NOT NULL,
    dead        boolean NOT NULL,
    sealed      bytea NOT NULL
);

CREATE INDEX grants_of_session ON grants (sid);

CREATE TABLE families (
    id               uuid PRIMARY KEY,
    grant_id         uuid NOT NULL REFERENCES grants (id),
    generation       bigint NOT NULL,
    current_hash     bytea NOT NULL,
    previous_hash    bytea,
    current_sealed   bytea NOT NULL,
    jkt              bytea,
    absolute_expiry  bigint NOT NULL,
    idle_expiry      bigint NOT NULL,
    dead             boolean NOT NULL
);

CREATE INDEX families_of_grant ON families (grant_id);

CREATE TABLE issuances (
    jti        text COLLATE "C" PRIMARY KEY,
    kid        text NOT NULL,
    issued_at  bigint NOT NULL,
    client     text COLLATE "C" NOT NULL,
    person     uuid NOT NULL,
    sid        uuid NOT NULL,
    grant_id   uuid NOT NULL REFERENCES grants (id),
    family     uuid
);

CREATE INDEX issuances_of_key ON issuances (kid, issued_at);

CREATE TABLE consents (
    person    uuid NOT NULL REFERENCES persons (id),
    client    text COLLATE "C" NOT NULL REFERENCES clients (client_id),
    scope     text COLLATE "C" NOT NULL,
    given_at  bigint NOT NULL,
    PRIMARY KEY (person, client)
);

CREATE TABLE decisions (
    approval         uuid PRIMARY KEY,
    device           uuid NOT NULL REFERENCES devices (id),
    decided_at       bigint NOT NULL,
    proof_sealed     bytea NOT NULL,
    evidence_sealed  bytea NOT NULL
);

CREATE TABLE cutoffs (
    scope       text COLLATE "C" NOT NULL,
    subject     text COLLATE "C" NOT NULL,
    cut_at      bigint NOT NULL,
    written_at  bigint NOT NULL,
    PRIMARY KEY (scope, subject)
);

CREATE INDEX cutoffs_written ON cutoffs (written_at);

CREATE TABLE key_records (
    kid             text COLLATE "C" PRIMARY KEY,
    purpose         text NOT NULL,
    algorithm       text NOT NULL,
    state           text NOT NULL,
    public_jwk      text,
    staged_at       bigint NOT NULL,
    activates_at    bigint,
    activated_at    bigint,
    retired_at      bigint,
    gone_at         bigint,
    revoked_at      bigint,
    revision        bigint NOT NULL,
    sealed_private  bytea
);

-- One standby and one key in use for each purpose and algorithm.
CREATE UNIQUE INDEX key_records_staged ON key_records (purpose, algorithm) WHERE state = 'staged';
CREATE UNIQUE INDEX key_records_active ON key_records (purpose, algorithm) WHERE state = 'active';

CREATE TABLE audit_events (
    writer         uuid NOT NULL,
    sequence       bigint NOT NULL,
    id             uuid NOT NULL UNIQUE,
    previous_hash  bytea NOT NULL,
    at             bigint NOT NULL,
    kind           text COLLATE "C" NOT NULL,
    record         bytea NOT NULL,
    leaf_hash      bytea NOT NULL,
    PRIMARY KEY (writer, sequence)
);

-- What opens the salted hashes of a record; erased at the end of retention.
CREATE TABLE audit_payloads (
    event   uuid PRIMARY KEY REFERENCES audit_events (id),
    at      bigint NOT NULL,
    sealed  bytea NOT NULL
);

CREATE INDEX audit_payloads_age ON audit_payloads (at);

-- For the role that serves: INSERT and SELECT here, and no more. Nothing is ever changed or taken away.
COMMENT ON TABLE audit_events IS 'Append-only. The role that serves has INSERT and SELECT alone.';
