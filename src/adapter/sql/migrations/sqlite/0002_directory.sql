-- The import of the national directory: its runs, and the extract while a run is under way.

-- A keyed hash of the record as the directory says it; null when the record came otherwise.
ALTER TABLE persons ADD COLUMN record_digest BLOB;

CREATE TABLE directory_runs (
    id        BLOB PRIMARY KEY NOT NULL,
    active    INTEGER NOT NULL,
    state     TEXT NOT NULL,
    owner     BLOB NOT NULL,
    began_at  INTEGER NOT NULL,
    ended_at  INTEGER,
    whole     INTEGER NOT NULL,
    position  BLOB NOT NULL,
    numbers   TEXT NOT NULL
) STRICT;

-- One run at a time.
CREATE UNIQUE INDEX directory_runs_active ON directory_runs (active) WHERE active;
CREATE INDEX directory_runs_began ON directory_runs (began_at);

-- A chunk is a part of the file, sorted by blind index and cut into blocks; no person is in two blocks of a chunk.
CREATE TABLE directory_blocks (
    run         BLOB NOT NULL,
    chunk       INTEGER NOT NULL,
    last_index  BLOB NOT NULL,
    sealed      BLOB NOT NULL,
    PRIMARY KEY (run, chunk, last_index)
) STRICT;

-- Whether an account was used is asked when two become one.
CREATE INDEX grants_of_person ON grants (person);
