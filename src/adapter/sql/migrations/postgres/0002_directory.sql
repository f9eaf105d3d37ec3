-- The import of the national directory: its runs, and the extract while a run is under way.

-- A keyed hash of the record as the directory says it; null when the record came otherwise.
ALTER TABLE persons ADD COLUMN record_digest bytea;

CREATE TABLE directory_runs (
    id        uuid PRIMARY KEY,
    active    boolean NOT NULL,
    state     text NOT NULL,
    owner     uuid NOT NULL,
    began_at  bigint NOT NULL,
    ended_at  bigint,
    whole     boolean NOT NULL,
    position  bytea NOT NULL,
    numbers   text NOT NULL
);

-- One run at a time.
CREATE UNIQUE INDEX directory_runs_active ON directory_runs (active) WHERE active;
CREATE INDEX directory_runs_began ON directory_runs (began_at);

-- A chunk is a part of the file, sorted by blind index and cut into blocks; no person is in two blocks of a chunk.
CREATE TABLE directory_blocks (
    run         uuid NOT NULL,
    chunk       bigint NOT NULL,
    last_index  bytea NOT NULL,
    sealed      bytea NOT NULL,
    PRIMARY KEY (run, chunk, last_index)
);

-- Whether an account was used is asked when two become one.
CREATE INDEX grants_of_person ON grants (person);
