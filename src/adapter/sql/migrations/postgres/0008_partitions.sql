-- What is forgotten, by partitions: a day or a month of it is dropped as a whole. See docs/decisions/0014.
-- One transaction. Nobody reads or writes the three tables meanwhile: see docs/operations.md, Upgrade.
LOCK TABLE single_use, issuances, audit_payloads IN ACCESS EXCLUSIVE MODE;

ALTER TABLE single_use RENAME TO single_use_6;
ALTER INDEX single_use_pkey RENAME TO single_use_6_pkey;
ALTER TABLE issuances RENAME TO issuances_6;
ALTER INDEX issuances_pkey RENAME TO issuances_6_pkey;
ALTER INDEX issuances_of_key RENAME TO issuances_6_of_key;
ALTER TABLE audit_payloads RENAME TO audit_payloads_6;
ALTER INDEX audit_payloads_pkey RENAME TO audit_payloads_6_pkey;
ALTER INDEX audit_payloads_age RENAME TO audit_payloads_6_age;

-- `expires_at` is the deadline that the artefact itself carries, sealed: the same artefact is always in the same
-- partition. A program of schema 6 writes none.
CREATE TABLE single_use (
    kind        text COLLATE "C" NOT NULL,
    hash        bytea NOT NULL,
    expires_at  bigint NOT NULL DEFAULT 0,
    kept_until  bigint NOT NULL,
    grant_id    uuid,
    PRIMARY KEY (kind, hash, expires_at)
) PARTITION BY RANGE (expires_at);

-- `kept_until`: nothing that was issued under it lives longer. Without a foreign key: dropping a partition would have to
-- lock `grants`. Row and grant are written by one transaction, and grants stay.
CREATE TABLE issuances (
    jti         text COLLATE "C" NOT NULL,
    kid         text NOT NULL,
    issued_at   bigint NOT NULL,
    client      text COLLATE "C" NOT NULL,
    person      uuid NOT NULL,
    sid         uuid NOT NULL,
    grant_id    uuid NOT NULL,
    family      uuid,
    kept_until  bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 86400000,
    PRIMARY KEY (jti, kept_until)
) PARTITION BY RANGE (kept_until);

CREATE INDEX issuances_of_key ON issuances (kid, issued_at);

-- Its months are dropped when retention has left nothing in them. Without a foreign key, for the same reason.
CREATE TABLE audit_payloads (
    event   uuid NOT NULL,
    at      bigint NOT NULL,
    sealed  bytea NOT NULL,
    PRIMARY KEY (event, at)
) PARTITION BY RANGE (at);

CREATE INDEX audit_payloads_age ON audit_payloads (at);

-- Rows for which no partition was made in time: an insert never fails for want of one.
CREATE TABLE single_use_default PARTITION OF single_use DEFAULT;
CREATE TABLE issuances_default PARTITION OF issuances DEFAULT;
CREATE TABLE audit_payloads_default PARTITION OF audit_payloads DEFAULT;

-- Run by the role that serves with the rights of the owner, because it may not change the schema. Takes the name of one
-- of the three tables and nothing else: no time (the server's clock decides), no bound. `sceau_partitions_keep` makes
-- the partitions that are due, drops those whose time is over, and says what it did.
DO $migration$
BEGIN
    EXECUTE format($definition$
CREATE FUNCTION sceau_partitions_keep(parent text, OUT made bigint, OUT dropped bigint, OUT in_default bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = %1$I, pg_temp
SET lock_timeout = '200ms'
AS $function$
DECLARE
    day      CONSTANT bigint := 86400000;
    present  CONSTANT bigint := (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
    width    bigint;
    ahead    bigint;
    ordered_by text;
    living   text;
    part     record;
    spent    boolean;
    locked   boolean := false;
BEGIN
    -- The width of a partition; how many there are beyond the present one; the column; which rows are still needed.
    CASE parent
        WHEN 'single_use' THEN width := day; ahead := 3; ordered_by := 'expires_at'; living := 'kept_until >= $1';
        WHEN 'issuances' THEN width := day; ahead := 3; ordered_by := 'kept_until'; living := 'kept_until >= $1';
        -- Only what retention has emptied.
        WHEN 'audit_payloads' THEN width := 30 * day; ahead := 1; ordered_by := 'at'; living := '$1 IS NOT NULL';
        ELSE RAISE EXCEPTION 'not a table of partitions: %%', parent USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    made := 0;
    dropped := 0;
    FOR part IN
        SELECT format('%%s_p%%s', parent, number) AS name, number * width AS low, (number + 1) * width AS high
        FROM generate_series(present / width, present / width + ahead) AS number
        WHERE to_regclass(format('%%s_p%%s', parent, number)) IS NULL
        ORDER BY number
    LOOP
        IF NOT locked THEN
            -- Nothing is inserted while rows move; two replicas go one after the other.
            EXECUTE format('LOCK TABLE %%I IN ACCESS EXCLUSIVE MODE', parent);
            locked := true;
        END IF;
        CONTINUE WHEN to_regclass(part.name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %%I (LIKE %%I INCLUDING DEFAULTS INCLUDING INDEXES)', part.name, parent);
        -- What came while it was not there.
        EXECUTE format(
            'WITH late AS (DELETE FROM %%1$I WHERE %%2$I >= %%3$s AND %%2$I < %%4$s RETURNING *) INSERT INTO %%5$I SELECT * FROM late',
            parent || '_default', ordered_by, part.low, part.high, part.name);
        EXECUTE format('ALTER TABLE %%I ATTACH PARTITION %%I FOR VALUES FROM (%%s) TO (%%s)',
            parent, part.name, part.low, part.high);
        made := made + 1;
    END LOOP;
    FOR part IN
        SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(parent) AND c.relname ~ '_p[0-9]+$'
        -- A day more than needed: clocks may be wrong, and what has expired is not presented any more.
        AND (substring(c.relname FROM '_p([0-9]+)$')::bigint + 1) * width + day < present
        ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT NOT EXISTS (SELECT FROM %%I WHERE %%s)', part.name, living) INTO spent USING present;
        CONTINUE WHEN NOT spent;
        IF NOT locked THEN
            EXECUTE format('LOCK TABLE %%I IN ACCESS EXCLUSIVE MODE', parent);
            locked := true;
        END IF;
        EXECUTE format('DROP TABLE IF EXISTS %%I', part.name);
        dropped := dropped + 1;
    END LOOP;
    IF parent <> 'audit_payloads' THEN
        EXECUTE format('DELETE FROM %%I WHERE kept_until < $1', parent || '_default') USING present - day;
    END IF;
    EXECUTE format('SELECT count(*) FROM %%I', parent || '_default') INTO in_default;
END
$function$
    $definition$, current_schema());

    -- Until no program of schema 6 serves any more: it writes no expiry, and would not see a use written with one. The
    -- second use of an artefact finds the first wherever it is. A later migration takes this away.
    EXECUTE format($definition$
CREATE FUNCTION sceau_single_use_once() RETURNS trigger
LANGUAGE plpgsql
SET search_path = %1$I, pg_temp
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.kind || encode(NEW.hash, 'hex'), 0));
    IF EXISTS (SELECT FROM single_use WHERE kind = NEW.kind AND hash = NEW.hash) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$function$
    $definition$, current_schema());
END
$migration$;

REVOKE ALL ON FUNCTION sceau_partitions_keep(text) FROM PUBLIC;

CREATE TRIGGER single_use_once BEFORE INSERT ON single_use
    FOR EACH ROW EXECUTE FUNCTION sceau_single_use_once();

SELECT sceau_partitions_keep('single_use');
SELECT sceau_partitions_keep('issuances');
-- The months that have something in them.
DO $migration$
DECLARE
    month CONSTANT bigint := 2592000000;
    low   bigint;
BEGIN
    FOR low IN SELECT DISTINCT at / month FROM audit_payloads_6 WHERE at >= 0 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF audit_payloads FOR VALUES FROM (%s) TO (%s)',
            'audit_payloads_p' || low, low * month, (low + 1) * month);
    END LOOP;
END
$migration$;
-- What has expired stays behind.
INSERT INTO single_use (kind, hash, kept_until, grant_id)
    SELECT kind, hash, kept_until, grant_id FROM single_use_6
    WHERE kept_until >= (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 86400000;
INSERT INTO issuances (jti, kid, issued_at, client, person, sid, grant_id, family, kept_until)
    SELECT jti, kid, issued_at, client, person, sid, grant_id, family, issued_at + 86400000 FROM issuances_6
    WHERE issued_at >= (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 2 * 86400000;
INSERT INTO audit_payloads (event, at, sealed) SELECT event, at, sealed FROM audit_payloads_6;
SELECT sceau_partitions_keep('audit_payloads');

-- The oldest version of the schema whose program can work on this one: replicas of it go on while others are replaced.
CREATE TABLE schema_support (
    id               smallint PRIMARY KEY CHECK (id = 1),
    compatible_from  bigint NOT NULL
);

INSERT INTO schema_support (id, compatible_from) VALUES (1, 6);

-- Replicas go on while this runs: whoever might use the tables before may use these.
DO $migration$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT regexp_replace(c.relname, '_6$', '') AS name, a.privilege_type AS privilege, a.grantee::regrole AS role
        FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
        WHERE c.oid IN ('single_use_6'::regclass, 'issuances_6'::regclass, 'audit_payloads_6'::regclass)
        AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT %s ON %I TO %s', given.privilege, given.name, given.role);
        IF given.name = 'single_use' AND given.privilege = 'INSERT' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION sceau_partitions_keep(text) TO %s', given.role);
            EXECUTE format('GRANT SELECT ON schema_support TO %s', given.role);
        END IF;
    END LOOP;
END
$migration$;

DROP TABLE single_use_6;
DROP TABLE issuances_6;
DROP TABLE audit_payloads_6;
