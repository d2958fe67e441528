-- Messages that may crash the process: attempts that were begun, and not yet survived.
CREATE TABLE tallystick.suspect (
    digest   bytea PRIMARY KEY,
    attempts integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at  timestamptz NOT NULL DEFAULT now()
);

-- An attempt begins; how many there were. First those go that were survived, and those of long ago: their messages
-- were acked, and only the end of their process came before they could be forgotten. It need not wait for the disk: it
-- must outlive the process that asks, not this server, whose crash at the same moment costs one more attempt.
CREATE FUNCTION tallystick.attempt_suspect(p_digest bytea, p_survived bytea[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    made integer;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    DELETE FROM tallystick.suspect WHERE digest = ANY (p_survived);
    DELETE FROM tallystick.suspect WHERE last_at < now() - interval '30 days';
    INSERT INTO tallystick.suspect AS there (digest) VALUES (p_digest)
    ON CONFLICT (digest) DO UPDATE SET attempts = there.attempts + 1, last_at = now()
    RETURNING attempts INTO made;
    RETURN made;
END $$;

-- Processes of which nobody knows that they can live: begun, and neither ended in order nor old enough.
CREATE TABLE tallystick.life (
    life     uuid PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT now()
);

-- Messages of lanes at whose decision a process may have ended: recorded before, forgotten once survived. attempts
-- counts how often one was decided alone; 0: only among others.
CREATE TABLE tallystick.lane_suspect (
    ref      uuid PRIMARY KEY,
    attempts integer NOT NULL
);

-- A life begins; the others in doubt.
CREATE FUNCTION tallystick.begin_life(p_life uuid) RETURNS TABLE (life uuid)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO tallystick.life (life) VALUES (p_life) ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT l.life FROM tallystick.life l WHERE l.life <> p_life ORDER BY l.began_at, l.life;
END $$;

-- What earlier looks left behind and still stands in a lane. The caller holds the lock of the one that looks.
CREATE FUNCTION tallystick.take_look(p_survived uuid[]) RETURNS TABLE (ref uuid, attempts integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    DELETE FROM tallystick.lane_suspect WHERE ref = ANY (p_survived);
    DELETE FROM tallystick.lane_suspect s
    WHERE NOT EXISTS (SELECT FROM tallystick.inbox i WHERE i.ref = s.ref AND i.position IS NOT NULL);
    RETURN QUERY SELECT s.ref, s.attempts FROM tallystick.lane_suspect s;
END $$;

-- Messages of lanes are decided now, one alone or several together. It need not wait for the disk: it must outlive the
-- process that asks, not this server.
CREATE FUNCTION tallystick.record_look(p_refs uuid[], p_alone boolean, p_survived uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    DELETE FROM tallystick.lane_suspect WHERE ref = ANY (p_survived);
    INSERT INTO tallystick.lane_suspect AS there (ref, attempts)
    SELECT ref, p_alone::integer FROM unnest(p_refs) ref
    ON CONFLICT (ref) DO UPDATE SET attempts = there.attempts + excluded.attempts;
END $$;

-- The look is over.
CREATE FUNCTION tallystick.leave_look(p_survived uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM tallystick.lane_suspect WHERE ref = ANY (p_survived);
    PERFORM pg_advisory_unlock_all();
END $$;
