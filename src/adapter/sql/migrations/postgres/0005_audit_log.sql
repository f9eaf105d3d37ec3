-- The audit log: one order for the rows of all lanes, the tree over them, and its signed checkpoints.

-- Never changed: an index names one row for ever.
CREATE TABLE audit_log (
    log_index  bigint PRIMARY KEY,
    writer     uuid NOT NULL,
    sequence   bigint NOT NULL,
    leaf_hash  bytea NOT NULL,
    UNIQUE (writer, sequence),
    FOREIGN KEY (writer, sequence) REFERENCES audit_events (writer, sequence)
);

-- How far each lane is in the log.
CREATE TABLE audit_lanes (
    writer         uuid PRIMARY KEY,
    next_sequence  bigint NOT NULL,
    head           bytea NOT NULL
);

-- Where a lane begins: lanes that are new to the log are found by it.
CREATE INDEX audit_events_first ON audit_events (writer) WHERE sequence = 0;

-- The tree as far as it has grown: the roots of its whole subtrees. Whoever holds this row orders.
CREATE TABLE audit_tree (
    id     smallint PRIMARY KEY CHECK (id = 1),
    size   bigint NOT NULL,
    peaks  bytea NOT NULL
);

INSERT INTO audit_tree (id, size, peaks) VALUES (1, 0, '');

CREATE TABLE audit_checkpoints (
    number  bigint PRIMARY KEY,
    size    bigint NOT NULL,
    root    bytea NOT NULL,
    at      bigint NOT NULL,
    note    text NOT NULL
);

-- For the role that serves: INSERT and SELECT here, and no more.
COMMENT ON TABLE audit_log IS 'Append-only. The role that serves has INSERT and SELECT alone.';
COMMENT ON TABLE audit_checkpoints IS 'Append-only. The role that serves has INSERT and SELECT alone.';
