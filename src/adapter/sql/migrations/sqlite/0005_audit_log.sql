-- The audit log: one order for the rows of all lanes, the tree over them, and its signed checkpoints.

-- Never changed: an index names one row for ever.
CREATE TABLE audit_log (
    log_index  INTEGER PRIMARY KEY NOT NULL,
    writer     BLOB NOT NULL,
    sequence   INTEGER NOT NULL,
    leaf_hash  BLOB NOT NULL,
    UNIQUE (writer, sequence),
    FOREIGN KEY (writer, sequence) REFERENCES audit_events (writer, sequence)
) STRICT;

-- How far each lane is in the log.
CREATE TABLE audit_lanes (
    writer         BLOB PRIMARY KEY NOT NULL,
    next_sequence  INTEGER NOT NULL,
    head           BLOB NOT NULL
) STRICT;

-- Where a lane begins: lanes that are new to the log are found by it.
CREATE INDEX audit_events_first ON audit_events (writer) WHERE sequence = 0;

-- The tree as far as it has grown: the roots of its whole subtrees. Whoever holds this row orders.
CREATE TABLE audit_tree (
    id     INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    size   INTEGER NOT NULL,
    peaks  BLOB NOT NULL
) STRICT;

INSERT INTO audit_tree (id, size, peaks) VALUES (1, 0, x'');

CREATE TABLE audit_checkpoints (
    number  INTEGER PRIMARY KEY NOT NULL,
    size    INTEGER NOT NULL,
    root    BLOB NOT NULL,
    at      INTEGER NOT NULL,
    note    TEXT NOT NULL
) STRICT;
