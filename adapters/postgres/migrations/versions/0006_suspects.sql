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
