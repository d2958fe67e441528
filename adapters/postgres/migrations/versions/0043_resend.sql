-- Replay of what was done: a system was restored from its own backup, and what it has lost is sent again. Plans and
-- replays are those of 0040; their lanes are keys of one system, their messages the commands that it had confirmed:
-- ref is the command's id, source the system, event_id its reference, and type its operation.

-- Freeze what a system has confirmed since p_since. 'new' or 'known' with the number of the plan; 'none'; or 'large' with
-- the number of commands. p_order is that of entities; those that are not named come last.
CREATE FUNCTION tallystick.plan_sent(p_chosen text, p_system text, p_entity text, p_key text, p_since timestamptz,
                                     p_order text[], p_most integer, p_by text, p_reason text, p_click text,
                                     OUT outcome text, OUT number bigint)
LANGUAGE plpgsql AS $$
DECLARE
    plan bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tallystick.replay.plan', 0));
    SELECT r.id INTO number FROM tallystick.replay r WHERE r.by = p_by AND r.click = p_click;
    IF FOUND THEN
        outcome := 'known';
        RETURN;
    END IF;
    SELECT count(*) INTO number FROM tallystick.sent s
    WHERE s.system = p_system AND s.confirmed_at >= p_since
      AND (p_entity IS NULL OR s.entity = p_entity) AND (p_key IS NULL OR s.key = p_key);
    IF number > p_most THEN
        outcome := 'large';
        RETURN;
    END IF;
    INSERT INTO tallystick.replay (chosen, by, click, reason, keys, messages, matched)
    VALUES (p_chosen, p_by, p_click, p_reason, 0, 0, 0) RETURNING id INTO plan;
    INSERT INTO tallystick.replay_item (replay, number, ref, entity, key, source, event_id, type, was, is_chosen)
    SELECT plan,
           row_number() OVER (ORDER BY array_position(p_order, s.entity COLLATE "default") NULLS LAST, s.entity, s.key,
                                       s.entity_version, s.index),
           s.id, s.entity, s.key, s.system, s.reference, s.operation, 'applied', true
    FROM tallystick.sent s
    WHERE s.system = p_system AND s.confirmed_at >= p_since
      AND (p_entity IS NULL OR s.entity = p_entity) AND (p_key IS NULL OR s.key = p_key);
    INSERT INTO tallystick.replay_lane (replay, place, entity, key, head, first, last)
    SELECT plan, row_number() OVER (ORDER BY min(i.number)), i.entity, i.key,
           (array_agg(i.ref ORDER BY i.number))[1], min(i.number), max(i.number)
    FROM tallystick.replay_item i WHERE i.replay = plan GROUP BY i.entity, i.key;
    UPDATE tallystick.replay r SET messages = t.last, matched = t.last, keys = t.place
    FROM (SELECT max(l.last) AS last, max(l.place) AS place FROM tallystick.replay_lane l WHERE l.replay = plan) t
    WHERE r.id = plan AND t.last > 0;
    IF NOT FOUND THEN
        DELETE FROM tallystick.replay r WHERE r.id = plan;
        outcome := 'none';
        RETURN;
    END IF;
    INSERT INTO tallystick.audit (actor, action, reason)
    SELECT p_by, 'replay.plan', format('replay %s: %s commands of %s: %s', r.id, r.messages, p_system, p_reason)
    FROM tallystick.replay r WHERE r.id = plan;
    outcome := 'new';
    number := plan;
END $$;

-- Commands of a plan behind a number, of whole lanes: of as many as have p_limit together, but of one at least. body is
-- null where it is not kept any more.
CREATE FUNCTION tallystick.sent_planned(p_id bigint, p_after integer, p_limit integer)
RETURNS TABLE (number integer, id uuid, system text, operation text, entity text, key text, line text,
               generation integer, body bytea, reference text)
LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    SELECT i.number, i.ref, i.source, i.type, i.entity, i.key, s.line, s.generation, s.body, i.event_id
    FROM tallystick.replay_item i
    LEFT JOIN tallystick.sent s ON s.system = i.source AND s.entity = i.entity AND s.key = i.key AND s.id = i.ref
    WHERE i.replay = p_id AND i.number > p_after
      AND i.number <= (SELECT GREATEST(max(l.last) FILTER (WHERE l.last <= p_after + p_limit), min(l.last))
                       FROM (SELECT n.last FROM tallystick.replay_lane n
                             WHERE n.replay = p_id AND n.first > p_after ORDER BY n.place LIMIT p_limit) l)
    ORDER BY i.number
$$;

-- Put what a plan has found to be gone back into the outbox, a key at a time, as tallystick.release_replay lets lanes go
-- on. A key that has open commands for the system, or of which the system has confirmed one since the plan was made, is
-- left alone: what is sent again would come behind newer commands.
CREATE FUNCTION tallystick.release_sent(p_id bigint, p_version bigint, p_allow integer, p_most integer, p_moving boolean,
                                        OUT job tallystick.replay, OUT entities text[], OUT ids text[])
RETURNS SETOF record
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off
AS $$
DECLARE
    kind  text;
    until integer;
BEGIN
    SELECT * INTO job FROM tallystick.replay r
    WHERE r.id = p_id AND r.version = p_version AND r.phase = 'running' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT l.entity INTO kind FROM tallystick.replay_lane l
    WHERE l.replay = p_id AND l.place > job.place ORDER BY l.place LIMIT 1;
    IF p_moving AND EXISTS (SELECT FROM tallystick.replay_lane l
                            WHERE l.replay = p_id AND l.place = job.place AND l.entity <> kind COLLATE "C")
    THEN
        RETURN;
    END IF;
    SELECT max(n.place) INTO until FROM (
        SELECT l.place, l.first - min(l.first) OVER () AS before
        FROM (SELECT * FROM tallystick.replay_lane l
              WHERE l.replay = p_id AND l.place > job.place ORDER BY l.place LIMIT p_most) l
        WHERE l.entity = kind COLLATE "C") n
    WHERE n.before < p_allow;
    IF until IS NULL THEN
        RETURN;
    END IF;
    -- Every commit of a key locks its row: none adds a command meanwhile.
    PERFORM FROM tallystick.replay_lane l JOIN tallystick.entity e ON e.entity = l.entity AND e.key = l.key
    WHERE l.replay = p_id AND l.place > job.place AND l.place <= until
    ORDER BY e.entity, e.key FOR NO KEY UPDATE OF e;
    UPDATE tallystick.replay_lane l SET state = CASE WHEN n.why IS NULL THEN 'released' ELSE 'changed' END, why = n.why
    FROM (
        SELECT m.place, CASE
                   WHEN EXISTS (SELECT FROM tallystick.outbox o
                                WHERE o.system = i.source AND o.entity = m.entity AND o.key = m.key)
                   THEN 'commands of its key are open: see that they are settled, and plan again'
                   WHEN EXISTS (SELECT FROM tallystick.sent s
                                WHERE s.system = i.source AND s.entity = m.entity AND s.key = m.key
                                  AND s.confirmed_at >= (job.chosen::jsonb ->> 'since')::timestamptz
                                  AND NOT EXISTS (SELECT FROM tallystick.replay_item g
                                                  WHERE g.replay = p_id AND g.number BETWEEN m.first AND m.last
                                                    AND g.ref = s.id))
                   THEN 'the system has confirmed a command of its key since the plan was made: plan again'
                   WHEN EXISTS (SELECT FROM tallystick.replay_item g
                                WHERE g.replay = p_id AND g.number BETWEEN m.first AND m.last
                                  AND g.predicted = 'applied'
                                  AND NOT EXISTS (SELECT FROM tallystick.sent s
                                                  WHERE s.system = g.source AND s.entity = m.entity AND s.key = m.key
                                                    AND s.id = g.ref))
                   THEN 'what was sent is not kept any more'
               END AS why
        FROM tallystick.replay_lane m
        JOIN tallystick.replay_item i ON i.replay = p_id AND i.number = m.first
        WHERE m.replay = p_id AND m.place > job.place AND m.place <= until) n
    WHERE l.replay = p_id AND l.place = n.place;
    INSERT INTO tallystick.outbox (id, system, operation, entity, key, line, generation, reference, body,
                                   entity_version, index, resend, past, doubted_at)
    SELECT s.id, s.system, s.operation, s.entity, s.key, s.line, s.generation, s.reference, s.body, s.entity_version,
           s.index, p_id, tried.last, s.confirmed_at
    FROM tallystick.replay_lane l
    JOIN tallystick.replay_item i ON i.replay = p_id AND i.number BETWEEN l.first AND l.last
    JOIN tallystick.sent s ON s.system = i.source AND s.entity = l.entity AND s.key = l.key AND s.id = i.ref
    CROSS JOIN LATERAL tallystick.attempts_at(s.id) tried
    WHERE l.replay = p_id AND l.place > job.place AND l.place <= until AND l.state = 'released'
      AND i.predicted = 'applied';
    SELECT COALESCE(array_agg(l.entity ORDER BY l.place), '{}'), COALESCE(array_agg(l.key ORDER BY l.place), '{}')
    INTO entities, ids
    FROM tallystick.replay_lane l
    WHERE l.replay = p_id AND l.place > job.place AND l.place <= until AND l.state = 'released';
    UPDATE tallystick.replay r SET place = until, version = r.version + 1,
        released = (SELECT l.last FROM tallystick.replay_lane l WHERE l.replay = p_id AND l.place = until)
    WHERE r.id = p_id RETURNING r.* INTO job;
    RETURN NEXT;
END $$;

-- What is under way, in the rows of tallystick.look_at_replay. A key has landed once none of what is sent again is open,
-- or what comes first is parked. What was not to be sent is as it was found.
CREATE FUNCTION tallystick.look_at_sent(p_id bigint, p_limit integer)
RETURNS TABLE (moving integer, resting integer, number integer, predicted text, predicted_code text, verdict text,
               code text, reason text, why text, moved text[])
LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    WITH lanes AS MATERIALIZED (
        SELECT l.*, l.state = 'released' AND COALESCE(head.state = 'open', false) AS is_moving
        FROM tallystick.replay_lane l
        JOIN tallystick.replay_item i ON i.replay = p_id AND i.number = l.first
        LEFT JOIN LATERAL (
            SELECT o.state FROM tallystick.outbox o
            WHERE o.system = i.source AND o.entity = l.entity AND o.key = l.key AND o.resend = p_id
            ORDER BY o.entity_version, o.index LIMIT 1) head ON true
        WHERE l.replay = p_id AND l.state IN ('released', 'changed')
    ), landed AS (SELECT * FROM lanes n WHERE NOT n.is_moving ORDER BY n.place LIMIT p_limit)
    SELECT s.moving, 0, l.number, l.predicted, l.predicted_code, l.verdict, l.code, l.reason, l.why, '{}'::text[]
    FROM (SELECT COALESCE(sum(n.last - n.first + 1) FILTER (WHERE n.is_moving), 0)::integer AS moving FROM lanes n) s
    LEFT JOIN (
        SELECT m.number, m.predicted, m.predicted_code, n.why, CASE
                   WHEN m.predicted <> 'applied' OR n.why IS NOT NULL THEN m.predicted
                   WHEN o.state = 'parked' THEN 'parked'
                   WHEN o.state = 'open' THEN 'queued'
                   WHEN last.ending = 'confirmed' THEN 'applied' ELSE 'rejected'
               END AS verdict, CASE
                   WHEN m.predicted <> 'applied' THEN m.predicted_code
                   WHEN o.id IS NULL AND last.ending = 'confirmed' AND last.external_id <> before.external_id
                   THEN 'id_changed'
                   WHEN o.id IS NULL THEN last.code
                   ELSE (SELECT c.code FROM tallystick.cases c
                         WHERE c.command_id = m.ref AND c.closed_at IS NULL ORDER BY c.id LIMIT 1)
               END AS code, CASE
                   WHEN o.id IS NULL AND last.ending = 'confirmed' AND last.external_id <> before.external_id
                   THEN format('its id is %s now, and was %s: what names the old one must be told', last.external_id,
                               before.external_id)
                   ELSE COALESCE(o.reason, last.reason)
               END AS reason
        FROM landed n
        CROSS JOIN LATERAL (
            SELECT * FROM tallystick.replay_item t
            WHERE t.replay = p_id AND t.number BETWEEN n.first AND n.last OFFSET 0) m
        LEFT JOIN tallystick.outbox o ON o.id = m.ref AND o.resend = p_id
        LEFT JOIN LATERAL (
            SELECT a.number, a.ending, a.external_id, a.code, a.reason FROM tallystick.attempt a
            WHERE a.command_id = m.ref AND a.ending IN ('confirmed', 'rejected')
            ORDER BY a.number DESC LIMIT 1) last ON true
        LEFT JOIN LATERAL (
            SELECT a.external_id FROM tallystick.attempt a
            WHERE a.command_id = m.ref AND a.ending = 'confirmed' AND a.number < last.number
            ORDER BY a.number DESC LIMIT 1) before ON true) l ON true
    ORDER BY l.number
$$;
