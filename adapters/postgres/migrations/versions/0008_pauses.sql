-- Pauses: what operators have stopped. A lane that stands still for one names it, so that its end opens the lane.

CREATE TABLE tallystick.pause (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity       text COLLATE "C",
    key          text COLLATE "C",
    legal_entity text,
    actor        text NOT NULL,
    reason       text NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    CHECK (key IS NULL OR entity IS NOT NULL),
    CHECK (legal_entity IS NULL OR entity IS NULL)
);

CREATE UNIQUE INDEX pause_scope
    ON tallystick.pause (COALESCE(entity, ''), COALESCE(key, ''), COALESCE(legal_entity, ''));

CREATE INDEX entity_paused ON tallystick.entity (paused_by, entity, key) WHERE paused_by IS NOT NULL;

-- Whether a command may not be sent now. Its body, or else the state of its key, says which legal entity it concerns.
CREATE FUNCTION tallystick.is_paused(p_entity text, p_key text, p_body bytea) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM tallystick.pause p
        WHERE (p.entity IS NULL OR p.entity = p_entity) AND (p.key IS NULL OR p.key = p_key)
          AND (p.legal_entity IS NULL OR p.legal_entity = COALESCE(
                   convert_from(p_body, 'UTF8')::jsonb ->> 'legal_entity',
                   (SELECT e.state ->> 'legal_entity' FROM tallystick.entity e
                    WHERE e.entity = p_entity AND e.key = p_key))))
$$;

-- The pause of a scope: the one that is there, or a new one. It waits for the claims under way, so that none which
-- began before its answer leases a command afterwards.
CREATE FUNCTION tallystick.begin_pause(p_entity text, p_key text, p_legal_entity text, p_actor text, p_reason text)
RETURNS SETOF tallystick.pause
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tallystick.restore', 0));
    INSERT INTO tallystick.pause (entity, key, legal_entity, actor, reason)
    VALUES (p_entity, p_key, p_legal_entity, p_actor, p_reason) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO tallystick.audit (actor, action, entity, key, reason)
        VALUES (p_actor, 'pause.begin', p_entity, p_key, COALESCE(p_legal_entity || ': ', '') || p_reason);
    END IF;
    RETURN QUERY SELECT * FROM tallystick.pause p
    WHERE p.entity IS NOT DISTINCT FROM p_entity AND p.key IS NOT DISTINCT FROM p_key
      AND p.legal_entity IS NOT DISTINCT FROM p_legal_entity;
END $$;

-- Whether there was such a pause to end.
CREATE FUNCTION tallystick.end_pause(p_id bigint, p_actor text, p_reason text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    ended tallystick.pause;
BEGIN
    DELETE FROM tallystick.pause WHERE id = p_id RETURNING * INTO ended;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO tallystick.audit (actor, action, entity, key, reason)
    VALUES (p_actor, 'pause.end', ended.entity, ended.key, COALESCE(ended.legal_entity || ': ', '') || p_reason);
    RETURN true;
END $$;

-- Lanes that stand still for a pause that is over are open again, a page of one pause at a time. A turn that was decided
-- before the end may commit after it, so this looks at what lanes name and not at what was ended. The pauses named are
-- few: they are found by a jump from one to the next.
CREATE FUNCTION tallystick.release_paused(p_page integer) RETURNS TABLE (entity text, key text)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    over bigint;
BEGIN
    WITH RECURSIVE named AS (
        (SELECT e.paused_by AS id FROM tallystick.entity e WHERE e.paused_by IS NOT NULL ORDER BY e.paused_by LIMIT 1)
        UNION ALL
        SELECT (SELECT e.paused_by FROM tallystick.entity e WHERE e.paused_by > n.id ORDER BY e.paused_by LIMIT 1)
        FROM named n WHERE n.id IS NOT NULL
    )
    SELECT n.id INTO over FROM named n
    WHERE n.id IS NOT NULL AND NOT EXISTS (SELECT FROM tallystick.pause p WHERE p.id = n.id) LIMIT 1;
    IF over IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH held AS (
        SELECT e.entity, e.key FROM tallystick.entity e WHERE e.paused_by = over
        ORDER BY e.entity, e.key LIMIT p_page FOR NO KEY UPDATE
    )
    UPDATE tallystick.entity e SET
        row_version = e.row_version + 1, paused_by = NULL, lane_state = 'open', lane_reason = NULL, lane_since = now()
    FROM held h WHERE e.entity = h.entity AND e.key = h.key
    RETURNING e.entity, e.key;
END $$;
