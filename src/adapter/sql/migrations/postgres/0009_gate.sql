-- What the gate does in its transactions, as functions: one call for a whole group of redemptions, rotations or decisions,
-- where the program made a dozen statements for each, one after the other.
--
-- Each does what the program does step by step, in the same order and with the same locks (READ COMMITTED: every statement
-- sees what was committed before it), as long as nothing stands in the way. Whatever does is not decided here: that one is
-- undone and false is returned, and the program takes it step by step, to find and record the reason. A row or an artefact
-- that somebody else holds stands in the way too: a function never waits, for the whole group would wait with it, holding
-- what others wait for. The audit row is the program's. They run with the rights of whoever calls them. A program of an
-- earlier version knows none of them.

CREATE FUNCTION sceau_in_the_way() RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION 'something stands in the way' USING ERRCODE = 'SC001';
END
$function$;

CREATE FUNCTION sceau_use_up(_kind text, _hash bytea, _until bigint, _grant uuid, _expires bigint) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    -- What the trigger would wait for.
    IF NOT pg_try_advisory_xact_lock(hashtextextended(_kind || encode(_hash, 'hex'), 0)) THEN
        PERFORM sceau_in_the_way();
    END IF;
    INSERT INTO single_use (kind, hash, kept_until, grant_id, expires_at)
        VALUES (_kind, _hash, _until, _grant, _expires) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN PERFORM sceau_in_the_way(); END IF;
END
$function$;

-- Client, person, whom the person acts for, phone, cut-offs: each row is locked as it is read.
CREATE FUNCTION sceau_in_good_standing(
    _grant uuid, _sid uuid, _person uuid, _client text, _device uuid, _authenticated bigint,
    _represented uuid, _represented_since bigint
) RETURNS void
LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM FROM clients WHERE client_id = _client AND enabled FOR SHARE SKIP LOCKED;
    IF NOT FOUND THEN PERFORM sceau_in_the_way(); END IF;
    PERFORM FROM persons WHERE id = _person AND status = 'active' FOR SHARE SKIP LOCKED;
    IF NOT FOUND THEN PERFORM sceau_in_the_way(); END IF;
    IF _represented IS NOT NULL THEN
        PERFORM FROM persons WHERE id = _represented AND status = 'active' FOR SHARE SKIP LOCKED;
        IF NOT FOUND THEN PERFORM sceau_in_the_way(); END IF;
    END IF;
    IF _device IS NOT NULL THEN
        PERFORM FROM devices WHERE id = _device AND status = 'active' FOR SHARE SKIP LOCKED;
        IF NOT FOUND THEN PERFORM sceau_in_the_way(); END IF;
    END IF;
    -- An ended session or grant does not come back, whenever it was authenticated.
    IF EXISTS (SELECT FROM cutoffs WHERE
        (scope = 'grant' AND subject = _grant::text) OR (scope = 'session' AND subject = _sid::text)
        OR (cut_at >= _authenticated AND
            ((scope = 'person' AND subject = _person::text) OR (scope = 'client' AND subject = _client)
            OR (scope = 'device' AND subject = _device::text) OR (scope = 'global' AND subject = '')))
        OR (scope = 'person' AND subject = _represented::text AND cut_at >= _represented_since))
    THEN PERFORM sceau_in_the_way(); END IF;
END
$function$;

CREATE FUNCTION sceau_issue(
    _artefact_1 integer, _artefact_2 integer, _session bigint,
    _fence text, _hash bytea, _until bigint, _expires bigint, _presented bytea,
    _grant uuid, _sid uuid, _person uuid, _client text, _device uuid, _authenticated bigint,
    _represented uuid, _represented_since bigint, _agreed bigint, _created bigint, _grant_sealed bytea,
    _family uuid, _current bytea, _current_sealed bytea, _jkt bytea, _absolute bigint, _idle bigint,
    _jti text, _kid text, _issued bigint, _kept_until bigint
) RETURNS boolean
LANGUAGE plpgsql AS $function$
BEGIN
    IF NOT pg_try_advisory_xact_lock(_artefact_1, _artefact_2) THEN PERFORM sceau_in_the_way(); END IF;
    PERFORM sceau_use_up(_fence, _hash, _until, _grant, _expires);
    IF NOT pg_try_advisory_xact_lock_shared(_session) THEN PERFORM sceau_in_the_way(); END IF;
    PERFORM sceau_in_good_standing(
        _grant, _sid, _person, _client, _device, _authenticated, _represented, _represented_since);
    PERFORM FROM consent_withdrawals WHERE person = _person AND represented = coalesce(_represented, _person)
        AND client = _client AND withdrawn_at >= _agreed;
    IF FOUND THEN PERFORM sceau_in_the_way(); END IF;
    INSERT INTO grants (id, person, client, sid, device, created_at, dead, sealed, represented)
        VALUES (_grant, _person, _client, _sid, _device, _created, FALSE, _grant_sealed, _represented);
    IF _family IS NOT NULL THEN
        INSERT INTO families
            (id, grant_id, generation, current_hash, current_sealed, jkt, absolute_expiry, idle_expiry, dead)
            VALUES (_family, _grant, 0, _current, _current_sealed, _jkt, _absolute, _idle, FALSE);
    END IF;
    INSERT INTO issuances (jti, kid, issued_at, client, person, sid, grant_id, family, kept_until)
        VALUES (_jti, _kid, _issued, _client, _person, _sid, _grant, _family, _kept_until);
    PERFORM FROM single_use WHERE kind = 'presented' AND hash = _presented;
    IF FOUND THEN PERFORM sceau_in_the_way(); END IF;
    RETURN TRUE;
EXCEPTION WHEN SQLSTATE 'SC001' THEN
    RETURN FALSE;
END
$function$;

CREATE FUNCTION sceau_rotate(
    _grant uuid, _sid uuid, _person uuid, _client text, _device uuid, _authenticated bigint,
    _represented uuid, _represented_since bigint,
    _family uuid, _generation bigint, _presented bytea, _next bytea, _next_sealed bytea, _idle bigint,
    _jti text, _kid text, _issued bigint, _kept_until bigint
) RETURNS boolean
LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM sceau_in_good_standing(
        _grant, _sid, _person, _client, _device, _authenticated, _represented, _represented_since);
    PERFORM FROM families f JOIN grants g ON g.id = f.grant_id
        WHERE f.id = _family AND g.id = _grant AND NOT f.dead AND NOT g.dead 
        FOR NO KEY UPDATE OF f SKIP LOCKED FOR SHARE OF g SKIP LOCKED;
    IF NOT FOUND THEN PERFORM sceau_in_the_way(); END IF;
    UPDATE families SET previous_hash = current_hash, current_hash = _next, current_sealed = _next_sealed,
        generation = generation + 1, idle_expiry = _idle
        WHERE id = _family AND generation = _generation AND current_hash = _presented AND NOT dead;
    IF NOT FOUND THEN PERFORM sceau_in_the_way(); END IF;
    INSERT INTO issuances (jti, kid, issued_at, client, person, sid, grant_id, family, kept_until)
        VALUES (_jti, _kid, _issued, _client, _person, _sid, _grant, _family, _kept_until);
    RETURN TRUE;
EXCEPTION WHEN SQLSTATE 'SC001' THEN
    RETURN FALSE;
END
$function$;

CREATE FUNCTION sceau_decide(
    _approval_hash bytea, _challenge_hash bytea, _until bigint, _expires bigint,
    _device uuid, _person uuid, _sign_count bigint,
    _approval uuid, _decided bigint, _proof bytea, _evidence bytea
) RETURNS boolean
LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM sceau_use_up('approval', _approval_hash, _until, NULL, _expires);
    PERFORM sceau_use_up('challenge', _challenge_hash, _until, NULL, _expires);
    PERFORM FROM persons p JOIN devices d ON d.person = p.id
        WHERE d.id = _device AND d.person = _person AND d.status = 'active' AND p.status = 'active'
        FOR SHARE OF p SKIP LOCKED FOR NO KEY UPDATE OF d SKIP LOCKED;
    IF NOT FOUND THEN PERFORM sceau_in_the_way(); END IF;
    -- Web Authentication Level 3, 7.2: greater, or both zero when the authenticator keeps none.
    UPDATE devices SET sign_count = _sign_count
        WHERE id = _device AND (sign_count < _sign_count OR (sign_count = 0 AND _sign_count = 0));
    IF NOT FOUND THEN PERFORM sceau_in_the_way(); END IF;
    INSERT INTO decisions (approval, device, decided_at, proof_sealed, evidence_sealed)
        VALUES (_approval, _device, _decided, _proof, _evidence) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN PERFORM sceau_in_the_way(); END IF;
    RETURN TRUE;
EXCEPTION WHEN SQLSTATE 'SC001' THEN
    RETURN FALSE;
END
$function$;

-- Where functions are not everybody's by default: whoever may use things up may call these.
DO $migration$
DECLARE
    serving record;
    called  record;
BEGIN
    FOR serving IN
        SELECT a.grantee::regrole AS role FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
        WHERE c.oid = 'single_use'::regclass AND a.privilege_type = 'INSERT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        FOR called IN
            SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname IN
                ('sceau_in_the_way', 'sceau_use_up', 'sceau_in_good_standing', 'sceau_issue', 'sceau_rotate', 'sceau_decide')
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', called.name, serving.role);
        END LOOP;
    END LOOP;
END
$migration$;
