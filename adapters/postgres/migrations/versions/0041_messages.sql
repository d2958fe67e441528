-- What operators do about one message: it stands in its lane again, or another content takes its place.

-- The lane of a key may run again, unless it is paused; its former head is decided anew once it is reached.
CREATE FUNCTION tallystick.open_behind(p_entity text, p_key text, p_more integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tallystick.inbox SET verdict = 'queued'
    WHERE entity = p_entity AND key = p_key AND position IS NOT NULL AND verdict IN ('waiting', 'backoff')
      AND entity <> 'external';
    UPDATE tallystick.entity SET
        row_version = row_version + 1, lane_depth = lane_depth + p_more, retry_at = NULL, waited_since = NULL,
        lane_since = CASE WHEN lane_state = 'paused' AND lane_depth > 0 THEN lane_since ELSE now() END,
        lane_reason = CASE WHEN lane_state = 'paused' THEN lane_reason END,
        lane_state = CASE WHEN lane_state = 'paused' THEN lane_state ELSE 'open' END,
        wait_entity = NULL, wait_key = NULL, wait_seen = NULL, patience = NULL
    WHERE entity = p_entity AND key = p_key;
END $$;

-- The place before all others of a lane that has opened for one message more.
CREATE FUNCTION tallystick.first_place(p_entity text, p_key text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    SELECT min(i.position) - 1 INTO first FROM tallystick.inbox i
    WHERE i.entity = p_entity AND i.key = p_key AND i.position IS NOT NULL;
    IF first IS NULL THEN
        UPDATE tallystick.entity e SET lane_tail = e.lane_tail + 1
        WHERE e.entity = p_entity AND e.key = p_key RETURNING e.lane_tail - 1 INTO first;
    END IF;
    RETURN first;
END $$;

-- Whether anything of a key was applied since a message of it ended so, or nobody knows any more.
CREATE FUNCTION tallystick.is_overtaken(p_entity text, p_key text, p_ref uuid, p_was text) RETURNS boolean
LANGUAGE sql AS $$
    SELECT COALESCE(bool_or(EXISTS (
               SELECT FROM tallystick.timeline t
               WHERE t.entity = p_entity AND t.key = p_key AND t.seq > e.at AND t.what = 'applied')), true)
    FROM (SELECT max(t.seq) AS at FROM tallystick.timeline t
          WHERE t.entity = p_entity AND t.key = p_key AND t.ref = p_ref AND t.what = p_was) e
    WHERE e.at IS NOT NULL
$$;

-- A message that was discarded, or is stale, stands in its lane again, before all others. A stale one has no number any
-- more: its place in the order of its source is lost, and that is what a person has decided. 'done'; 'absent';
-- 'elsewhere': it is none such; or 'overtaken': since it was discarded something of its key was applied, or nobody knows
-- any more.
CREATE FUNCTION tallystick.bring_back(p_ref uuid, p_was text, p_action text, p_actor text, p_reason text,
                                      OUT outcome text, OUT kind text, OUT id text)
LANGUAGE plpgsql AS $$
DECLARE
    message  tallystick.inbox;
    told     text := p_actor || ': ' || p_reason;
    first    bigint;
BEGIN
    SELECT i.entity, i.key INTO kind, id FROM tallystick.inbox i WHERE i.ref = p_ref;
    IF NOT FOUND THEN
        outcome := 'absent';
        RETURN;
    END IF;
    PERFORM FROM tallystick.entity e WHERE e.entity = kind AND e.key = id FOR NO KEY UPDATE;
    SELECT * INTO message FROM tallystick.inbox i WHERE i.ref = p_ref;
    IF message.verdict <> p_was OR message.entity = 'external' THEN
        outcome := 'elsewhere';
        RETURN;
    END IF;
    IF p_was = 'discarded' AND tallystick.is_overtaken(kind, id, p_ref, p_was) THEN
        outcome := 'overtaken';
        RETURN;
    END IF;
    PERFORM tallystick.open_behind(kind, id, 1);
    first := tallystick.first_place(kind, id);
    UPDATE tallystick.inbox i SET
        verdict = 'queued', position = first, attempts = 0, reason = NULL,
        series = CASE WHEN p_was = 'stale' THEN NULL ELSE i.series END,
        sequence = CASE WHEN p_was = 'stale' THEN NULL ELSE i.sequence END
    WHERE i.ref = p_ref;
    -- A smaller number may have come since it was discarded.
    PERFORM tallystick.arrange_lane(kind, id, first, '{}');
    INSERT INTO tallystick.timeline (entity, key, entity_version, what, ref, reason)
    SELECT e.entity, e.key, e.entity_version, CASE WHEN p_was = 'stale' THEN 'forced' ELSE 'undiscarded' END, p_ref, told
    FROM tallystick.entity e WHERE e.entity = kind AND e.key = id;
    PERFORM tallystick.tell_closed(ARRAY[p_ref], ARRAY['queued'],
                                   tallystick.close_cases(ARRAY[p_ref], '{}', 'retried', p_actor));
    INSERT INTO tallystick.audit (actor, action, entity, key, ref, reason)
    VALUES (p_actor, 'message.' || p_action, kind, id, p_ref, p_reason);
    outcome := 'done';
END $$;

-- Another content takes the place, and the number, of a message that stands in its lane; the message is superseded. What
-- has become the head so may run at once. Of one that has ended without having done anything, the edit stands before all
-- others, as what comes back does. 'done', also if it was done before; 'absent'; 'elsewhere': it is none such; 'taken':
-- another message has the new id; or 'overtaken': since it was discarded or rejected something of its key was applied.
CREATE FUNCTION tallystick.edit_message(p_ref uuid, p_edited uuid, p_event_id text, p_hash bytea, p_body bytea,
                                        p_actor text, p_reason text, OUT outcome text, OUT kind text, OUT id text)
LANGUAGE plpgsql AS $$
DECLARE
    message tallystick.inbox;
    told    text := p_actor || ' edited it, as ' || p_event_id || ': ' || p_reason;
    is_back boolean;
    is_head boolean;
BEGIN
    SELECT i.entity, i.key INTO kind, id FROM tallystick.inbox i WHERE i.ref = p_ref;
    IF NOT FOUND THEN
        outcome := 'absent';
        RETURN;
    END IF;
    PERFORM FROM tallystick.entity e WHERE e.entity = kind AND e.key = id FOR NO KEY UPDATE;
    SELECT * INTO message FROM tallystick.inbox i WHERE i.ref = p_ref;
    IF EXISTS (SELECT FROM tallystick.inbox i WHERE i.ref = p_edited) THEN
        outcome := 'done';
        RETURN;
    END IF;
    is_back := message.position IS NULL;
    IF message.entity = 'external' OR (is_back AND message.verdict NOT IN ('discarded', 'rejected', 'stale')) THEN
        outcome := 'elsewhere';
        RETURN;
    ELSIF is_back AND message.verdict <> 'stale' AND tallystick.is_overtaken(kind, id, p_ref, message.verdict) THEN
        outcome := 'overtaken';
        RETURN;
    ELSIF EXISTS (SELECT FROM tallystick.inbox i WHERE i.source = message.source AND i.event_id = p_event_id) THEN
        outcome := 'taken';
        RETURN;
    END IF;
    IF is_back THEN
        PERFORM tallystick.open_behind(kind, id, 1);
        message.position := tallystick.first_place(kind, id);
    END IF;
    INSERT INTO tallystick.inbox (ref, source, event_id, type, entity, key, body_hash, verdict, position, body, series,
                                  sequence)
    VALUES (p_edited, message.source, p_event_id, message.type, kind, id, p_hash, 'queued', message.position, p_body,
            CASE WHEN message.verdict <> 'stale' THEN message.series END,
            CASE WHEN message.verdict <> 'stale' THEN message.sequence END);
    is_head := NOT EXISTS (SELECT FROM tallystick.inbox i
                           WHERE i.entity = kind AND i.key = id AND i.position < message.position);
    UPDATE tallystick.inbox i SET verdict = 'superseded', position = NULL, reason = told WHERE i.ref = p_ref;
    IF is_back THEN
        PERFORM tallystick.arrange_lane(kind, id, message.position, '{}');
    ELSIF is_head THEN
        PERFORM tallystick.open_behind(kind, id, 0);
    ELSE
        UPDATE tallystick.entity e SET row_version = e.row_version + 1 WHERE e.entity = kind AND e.key = id;
    END IF;
    INSERT INTO tallystick.timeline (entity, key, entity_version, what, ref, reason)
    SELECT e.entity, e.key, e.entity_version, l.what, l.ref, told
    FROM tallystick.entity e, (VALUES (1, 'superseded', p_ref), (2, 'edited', p_edited)) l(place, what, ref)
    WHERE e.entity = kind AND e.key = id ORDER BY l.place;
    PERFORM tallystick.tell_closed(ARRAY[p_ref, p_edited], ARRAY['superseded', 'queued'],
                                   tallystick.close_cases(ARRAY[p_ref], '{}', 'superseded', p_actor));
    INSERT INTO tallystick.audit (actor, action, entity, key, ref, reason)
    VALUES (p_actor, 'message.edit', kind, id, p_ref, 'as ' || p_event_id || ': ' || p_reason);
    outcome := 'done';
END $$;
