-- A database that went back: how it is noticed, and what is held back after it.

-- How far this database has come, and on which server. RabbitMQ and the processes remember the counter too: a database
-- below what they remember was restored. The epoch is another one after each declaration: a process that remembers one of
-- before goes by a past that is lost. One row.
CREATE TABLE tallystick.watermark (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    counter  bigint NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    epoch    uuid NOT NULL DEFAULT gen_random_uuid(),
    server   bigint,
    timeline integer
);

-- Restores: held until released by a person, asking first until ended by one.
CREATE TABLE tallystick.restore (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    since       timestamptz NOT NULL,
    found       text NOT NULL CHECK (found IN ('server', 'timeline', 'watermark', 'lost', 'declared')),
    declared_at timestamptz NOT NULL DEFAULT now(),
    declared_by text NOT NULL,
    reason      text NOT NULL,
    released_at timestamptz,
    released_by text,
    ended_at    timestamptz,
    ended_by    text,
    CHECK (ended_at IS NULL OR released_at IS NOT NULL)
);

CREATE UNIQUE INDEX restore_open ON tallystick.restore ((true)) WHERE ended_at IS NULL;

-- Keys that had messages or commands open when a restore ended: what comes of those still asks first.
CREATE TABLE tallystick.restored_key (
    entity     text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    restore_id bigint NOT NULL REFERENCES tallystick.restore (id) ON DELETE CASCADE,
    PRIMARY KEY (entity, key, restore_id)
);

CREATE INDEX restored_key_restore ON tallystick.restored_key (restore_id);

-- The cluster's identifier, which a copy of its files keeps, and its timeline, which rises with every recovery to a
-- point in time and every fail-over. Null where the user may not ask.
CREATE FUNCTION tallystick.this_server() RETURNS TABLE (server bigint, timeline integer)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT c.system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
    FROM pg_control_system() c;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN QUERY SELECT NULL::bigint, NULL::integer;
END $$;

INSERT INTO tallystick.watermark (counter, server, timeline) SELECT 0, s.server, s.timeline FROM tallystick.this_server() s;

-- How it is seen that the database went back, for one who remembers this counter, and this epoch if it is not null;
-- null if it is not.
CREATE FUNCTION tallystick.went_back(p_remembered bigint, p_epoch uuid) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT CASE WHEN w.counter < p_remembered THEN 'watermark'
                        WHEN w.server <> s.server THEN 'server'
                        WHEN w.timeline <> s.timeline THEN 'timeline'
                        WHEN w.epoch <> p_epoch THEN 'epoch' END
            FROM tallystick.watermark w, tallystick.this_server() s);
END $$;

-- Raise the counter, unless the database went back.
CREATE FUNCTION tallystick.tick_watermark(p_remembered bigint, p_epoch uuid)
RETURNS TABLE (counter bigint, epoch uuid, found text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    back text;
BEGIN
    PERFORM FROM tallystick.watermark FOR UPDATE;
    back := tallystick.went_back(p_remembered, p_epoch);
    IF back IS NULL THEN
        UPDATE tallystick.watermark w SET
            counter = w.counter + 1, at = now(), server = COALESCE(w.server, s.server),
            timeline = COALESCE(w.timeline, s.timeline)
        FROM tallystick.this_server() s;
    END IF;
    RETURN QUERY SELECT w.counter, w.epoch, back FROM tallystick.watermark w;
END $$;

-- Whether commands may be claimed. Whoever declares a restore waits for the claims under way; later ones see it.
CREATE FUNCTION tallystick.may_send(p_remembered bigint, p_epoch uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('tallystick.restore', 0));
    RETURN tallystick.went_back(p_remembered, p_epoch) IS NULL
       AND NOT EXISTS (SELECT FROM tallystick.restore WHERE ended_at IS NULL AND released_at IS NULL);
END $$;

-- What of a key's commands is not in the log, in seconds: since the earliest restored point, and since the latest
-- declaration, of restores that are not over for this key. No row where there is none.
CREATE FUNCTION tallystick.lost_time(p_entity text, p_key text)
RETURNS TABLE (started_for double precision, ended_for double precision)
LANGUAGE sql STABLE AS $$
    SELECT EXTRACT(epoch FROM now() - min(r.since))::double precision,
           EXTRACT(epoch FROM now() - max(r.declared_at))::double precision
    FROM tallystick.restore r
    WHERE r.ended_at IS NULL
       OR EXISTS (SELECT FROM tallystick.restored_key k
                  WHERE k.restore_id = r.id AND k.entity = p_entity AND k.key = p_key)
       -- Messages that waited under an external key have moved to the key that it was bound to.
       OR EXISTS (SELECT FROM tallystick.restored_key k
                  JOIN tallystick.entity e ON e.entity = k.entity AND e.key = k.key
                  WHERE k.restore_id = r.id AND k.entity = 'external'
                    AND e.state ->> 'entity' = p_entity AND e.state ->> 'id' = p_key)
    HAVING count(*) > 0
$$;

-- A notice of what happened to a restore, and its line in the audit.
CREATE FUNCTION tallystick.tell_restore(p_restore tallystick.restore, p_what text, p_actor text, p_reason text)
RETURNS void
LANGUAGE sql AS $$
    INSERT INTO tallystick.audit (actor, action, reason) VALUES (p_actor, 'restore.' || p_what, p_reason);
    INSERT INTO tallystick.notice (refs, verdicts, routing_keys, bodies)
    VALUES ('{}', '{}', ARRAY['restore.' || p_what], ARRAY[json_build_object(
        'restore_id', p_restore.id::text, 'what', p_what, 'since', p_restore.since, 'found', p_restore.found,
        'reason', p_reason)::text]);
$$;

-- Hold every command back. One that stands open already is held again, from the earlier of both points.
CREATE FUNCTION tallystick.declare_restore(p_since timestamptz, p_found text, p_actor text, p_reason text,
                                           p_remembered bigint) RETURNS SETOF tallystick.restore
LANGUAGE plpgsql AS $$
DECLARE
    declared tallystick.restore;
BEGIN
    IF p_since > now() THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tallystick.restore', 0));
    INSERT INTO tallystick.restore (since, found, declared_by, reason)
    SELECT COALESCE(p_since, w.at), p_found, p_actor, p_reason FROM tallystick.watermark w
    ON CONFLICT ((true)) WHERE ended_at IS NULL DO UPDATE SET
        since = least(restore.since, EXCLUDED.since), declared_at = now(), found = EXCLUDED.found,
        declared_by = EXCLUDED.declared_by, reason = EXCLUDED.reason, released_at = NULL, released_by = NULL
    RETURNING * INTO declared;
    -- From here the database goes on, above what anybody remembers: the same restore is not found again. By the epoch
    -- every other process learns of it.
    UPDATE tallystick.watermark w SET
        counter = greatest(w.counter, p_remembered) + 1, at = now(), epoch = gen_random_uuid(), server = s.server,
        timeline = s.timeline
    FROM tallystick.this_server() s;
    PERFORM tallystick.tell_restore(declared, 'declared', p_actor, p_reason);
    IF NOT EXISTS (SELECT FROM tallystick.cases c
                   WHERE c.closed_at IS NULL AND c.entity = 'restore' AND c.key = declared.id::text)
    THEN
        INSERT INTO tallystick.notice (refs, verdicts, routing_keys, bodies)
        SELECT '{}', '{}', c.keys, c.bodies FROM tallystick.open_cases(jsonb_build_array(jsonb_build_object(
            'entity', 'restore', 'key', declared.id::text, 'failure_class', 'unknown_outcome', 'code', 'restore_held',
            'reason', 'no command is sent until the restore is released: ' || p_reason))) c;
    END IF;
    RETURN NEXT declared;
END $$;

-- Let commands be sent again, each after its system was asked. Nothing comes back if none is held.
CREATE FUNCTION tallystick.release_restore(p_actor text, p_reason text) RETURNS SETOF tallystick.restore
LANGUAGE plpgsql AS $$
DECLARE
    released tallystick.restore;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tallystick.restore', 0));
    UPDATE tallystick.restore SET released_at = now(), released_by = p_actor
    WHERE ended_at IS NULL AND released_at IS NULL RETURNING * INTO released;
    IF FOUND THEN
        PERFORM tallystick.tell_restore(released, 'released', p_actor, p_reason);
        PERFORM tallystick.tell_closed('{}', '{}', tallystick.close_key('restore', released.id::text, p_actor));
        RETURN NEXT released;
    END IF;
END $$;

-- What is made from now on is new. What stands open may have been done in the lost time, also by commands that it has
-- not made yet, so its keys go on asking. Nothing comes back if none is released.
CREATE FUNCTION tallystick.end_restore(p_actor text, p_reason text) RETURNS SETOF tallystick.restore
LANGUAGE plpgsql AS $$
DECLARE
    over tallystick.restore;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tallystick.restore', 0));
    -- Every commit writes an entity row: this waits for those under way, so that the keys below are all.
    LOCK TABLE tallystick.entity IN SHARE MODE;
    UPDATE tallystick.restore SET ended_at = now(), ended_by = p_actor
    WHERE ended_at IS NULL AND released_at IS NOT NULL RETURNING * INTO over;
    IF FOUND THEN
        INSERT INTO tallystick.restored_key (entity, key, restore_id)
        SELECT open.entity, open.key, over.id
        FROM (SELECT entity, key FROM tallystick.outbox
              UNION SELECT entity, key FROM tallystick.entity WHERE lane_depth > 0) open;
        PERFORM tallystick.tell_restore(over, 'ended', p_actor, p_reason);
        RETURN NEXT over;
    END IF;
END $$;
