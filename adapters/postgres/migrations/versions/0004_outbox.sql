-- The outbox: one lease per (system, entity, key), never per command.

-- Take the free leases, and only then read each head: it may have moved while the lease was waited for. The attempt
-- is logged here, before the caller can send its first byte. Earlier attempts that did nothing are forgotten, but not
-- the newest of all, which is this one: so numbers rise for ever.
CREATE FUNCTION tallystick.claim_lanes(p_system text[], p_entity text[], p_key text[], p_holder uuid, p_token uuid)
RETURNS TABLE (id uuid, system text, operation text, entity text, key text, line text, generation integer,
               reference text, body bytea, number integer)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    -- Whoever abandons this token waits until we have ended, or was before us and left a mark.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_token::text, 0));
    IF EXISTS (SELECT FROM tallystick.abandoned a WHERE a.token = p_token) THEN
        RETURN;
    END IF;
    INSERT INTO tallystick.lease (system, entity, key, holder, token)
    SELECT w.system, w.entity, w.key, p_holder, p_token FROM unnest(p_system, p_entity, p_key) w(system, entity, key)
    ORDER BY w.system COLLATE "C", w.entity COLLATE "C", w.key COLLATE "C"
    ON CONFLICT DO NOTHING;

    RETURN QUERY
    WITH head AS MATERIALIZED (
        SELECT o.* FROM tallystick.lease l
        CROSS JOIN LATERAL (SELECT * FROM tallystick.outbox o
                            WHERE o.system = l.system AND o.entity = l.entity AND o.key = l.key
                            ORDER BY o.system, o.entity, o.key, o.entity_version, o.index LIMIT 1) o
        WHERE l.token = p_token AND o.state = 'open' AND (o.due_at IS NULL OR o.due_at <= now())
          AND NOT tallystick.is_paused(o.entity, o.key, o.body)
    ), logged AS (
        INSERT INTO tallystick.attempt (command_id, number, holder, token, system, operation, entity, key, line,
                                        generation)
        SELECT h.id,
               COALESCE((SELECT max(a.number) FROM tallystick.attempt a WHERE a.command_id = h.id), 0) + 1,
               p_holder, p_token, h.system, h.operation, h.entity, h.key, h.line, h.generation
        FROM head h
        RETURNING command_id, attempt.number
    ), forgotten AS (
        DELETE FROM tallystick.attempt a USING head h
        WHERE a.command_id = h.id AND a.ending IN ('deferred', 'unsent')
    )
    SELECT h.id, h.system, h.operation, h.entity, h.key, h.line, h.generation, h.reference, h.body, g.number
    FROM head h JOIN logged g ON g.command_id = h.id;

    DELETE FROM tallystick.lease l WHERE l.token = p_token AND NOT EXISTS (
        SELECT FROM tallystick.attempt a
        WHERE a.token = p_token AND a.ending IS NULL AND a.system = l.system AND a.entity = l.entity
          AND a.key = l.key);
END $$;

-- The answer to a claim was lost and nothing of it was sent. The claim may still be on its way, so this waits for it
-- if it has begun, and forbids it otherwise: nobody would know of its leases.
CREATE FUNCTION tallystick.abandon_claim(p_token uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_token::text, 0));
    INSERT INTO tallystick.abandoned (token) VALUES (p_token) ON CONFLICT DO NOTHING;
    UPDATE tallystick.attempt SET ended_at = now(), ending = 'unsent' WHERE token = p_token AND ending IS NULL;
    DELETE FROM tallystick.lease WHERE token = p_token;
END $$;
