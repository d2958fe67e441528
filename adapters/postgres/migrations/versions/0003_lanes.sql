-- Lanes as work to find and as operators change them: wakes, the sweep, retry, discard.

-- Resume up to p_page lanes that wait for one changed target. The wake goes only at the version that was taken, and
-- only when no lane waits on less: a lane that waits again behind the page is not forgotten. One target for each call,
-- so that rows are locked in the global order. A row of nulls: this wake found nobody, another may be left.
CREATE FUNCTION tallystick.wake_lanes(p_page integer) RETURNS TABLE (entity text, key text)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    target tallystick.wake;
BEGIN
    SELECT * INTO target FROM tallystick.wake ORDER BY entity, key LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH page AS MATERIALIZED (
        SELECT e.entity, e.key FROM tallystick.entity e
        WHERE e.wait_entity = target.entity AND e.wait_key = target.key AND e.wait_seen < target.version
        ORDER BY e.wait_seen, e.entity, e.key LIMIT p_page
    ), sleeping AS (
        SELECT e.entity, e.key FROM page p JOIN tallystick.entity e ON e.entity = p.entity AND e.key = p.key
        WHERE e.wait_entity = target.entity AND e.wait_key = target.key AND e.wait_seen < target.version
        ORDER BY e.entity, e.key FOR NO KEY UPDATE OF e
    ), woken AS (
        UPDATE tallystick.entity e SET
            row_version = e.row_version + 1, lane_state = 'open', lane_reason = NULL, lane_since = now(),
            waited_since = e.lane_since,
            wait_entity = NULL, wait_key = NULL, wait_seen = NULL, patience = NULL
        FROM sleeping s WHERE e.entity = s.entity AND e.key = s.key
        RETURNING e.entity, e.key
    ), heads AS (
        UPDATE tallystick.inbox i SET verdict = 'queued'
        FROM woken w WHERE i.entity = w.entity AND i.key = w.key AND i.position IS NOT NULL
          AND i.verdict = 'waiting'
    )
    SELECT w.entity, w.key FROM woken w;
    IF NOT FOUND THEN
        RETURN QUERY SELECT NULL, NULL;
    END IF;
    DELETE FROM tallystick.wake w
    WHERE w.entity = target.entity AND w.key = target.key AND w.version = target.version
      AND NOT EXISTS (SELECT FROM tallystick.entity e
                      WHERE e.wait_entity = w.entity AND e.wait_key = w.key AND e.wait_seen < w.version);
END $$;

-- What a person lets run again. A command that did nothing gets a new generation at the same place, and so a new
-- identity: everything since it was last absent ended without an effect, and it was absent or rejected. One with an
-- attempt that may still land, or has landed, keeps its own. Only the cases of what runs again are closed.
-- A message that ended the process runs again by p_force alone. 'done', 'absent', or 'kills': nothing was done.
CREATE FUNCTION tallystick.retry_lane(p_entity text, p_key text, p_actor text, p_reason text, p_force boolean)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    refs     uuid[] := '{}';
    commands uuid[];
    kills    boolean;
BEGIN
    PERFORM FROM tallystick.entity
    WHERE entity = p_entity AND key = p_key AND row_version > 0 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'absent';
    END IF;
    kills := NOT p_force AND EXISTS (
        SELECT FROM tallystick.inbox i JOIN tallystick.cases c ON c.ref = i.ref
        WHERE i.entity = p_entity AND i.key = p_key AND i.position IS NOT NULL AND i.verdict = 'parked'
          AND c.closed_at IS NULL AND c.code = 'kills_process');
    commands := ARRAY(SELECT id FROM tallystick.outbox WHERE entity = p_entity AND key = p_key AND state = 'parked');
    IF kills AND commands = '{}' THEN
        RETURN 'kills';
    END IF;
    UPDATE tallystick.entity SET
        row_version = row_version + 1, lane_state = 'open', lane_reason = NULL, lane_since = now(), retry_at = NULL,
        waited_since = CASE WHEN lane_state = 'waiting' THEN lane_since ELSE waited_since END,
        wait_entity = NULL, wait_key = NULL, wait_seen = NULL, patience = NULL
    WHERE entity = p_entity AND key = p_key AND lane_depth > 0 AND lane_state IN ('backoff', 'waiting', 'parked')
      AND entity <> 'external' AND NOT kills;
    IF FOUND THEN
        WITH again AS (
            UPDATE tallystick.inbox SET
                verdict = 'queued', attempts = CASE WHEN verdict = 'parked' THEN 0 ELSE attempts END
            WHERE entity = p_entity AND key = p_key AND position IS NOT NULL
              AND verdict IN ('waiting', 'backoff', 'parked')
            RETURNING ref)
        SELECT COALESCE(array_agg(a.ref), '{}') INTO refs FROM again a;
        DELETE FROM tallystick.lane_suspect WHERE ref = ANY (refs);
    END IF;
    PERFORM tallystick.tell_closed('{}', '{}', tallystick.close_cases(refs, commands, 'retried', p_actor));
    PERFORM tallystick.reopen_commands(commands);
    INSERT INTO tallystick.audit (actor, action, entity, key, reason)
    VALUES (p_actor, 'lane.retry', p_entity, p_key, p_reason);
    RETURN 'done';
END $$;

-- A person says what became of a command: that the system has its effect, or that it has not and never will from what
-- was sent. It goes into the sent log as if the system had said so; who runs the command next goes by it. What the system
-- was found to have under a later generation is what is meant: the command becomes that one. They say it of what they
-- saw: a case about it in a version, or else its newest attempt. 'done', and the reference that it counts or is sent
-- under; 'changed': it is not as they saw it; 'absent'; 'open': neither parked nor paused, so somebody may send it; or
-- 'sending'.
CREATE FUNCTION tallystick.settle_command(p_entity text, p_key text, p_id uuid, p_case bigint, p_version bigint,
                                          p_attempts integer, p_is_there boolean, p_external_id text, p_actor text,
                                          p_reason text, OUT outcome text, OUT counts_as text)
LANGUAGE plpgsql AS $$
DECLARE
    command tallystick.outbox;
    hand    uuid := gen_random_uuid();
    later   record;
BEGIN
    PERFORM FROM tallystick.entity WHERE entity = p_entity AND key = p_key FOR NO KEY UPDATE;
    SELECT o.* INTO command FROM tallystick.outbox o
    WHERE o.id = p_id AND o.entity = p_entity AND o.key = p_key FOR UPDATE;
    IF NOT FOUND THEN
        outcome := 'absent';
        RETURN;
    END IF;
    PERFORM FROM tallystick.cases c WHERE c.id = p_case AND c.version = p_version AND c.command_id = p_id FOR UPDATE;
    IF NOT FOUND AND p_attempts IS DISTINCT FROM
                     (SELECT COALESCE(max(a.number), 0) FROM tallystick.attempt a WHERE a.command_id = p_id)
    THEN
        outcome := 'changed';
        RETURN;
    ELSIF command.state = 'open' AND NOT tallystick.is_paused(command.entity, command.key, command.body) THEN
        outcome := 'open';
        RETURN;
    END IF;
    -- Waits for a claim that has begun, and lets none begin that has not seen the pause.
    INSERT INTO tallystick.lease (system, entity, key, holder, token)
    VALUES (command.system, p_entity, p_key, hand, hand) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        outcome := 'sending';
        RETURN;
    END IF;
    IF p_is_there THEN
        SELECT * INTO later FROM tallystick.found_later(p_id);
        IF later.generation IS NOT NULL THEN
            SELECT * INTO command FROM tallystick.rename_command(p_id, later.generation);
            p_external_id := COALESCE(p_external_id, later.external_id);
        END IF;
    END IF;
    INSERT INTO tallystick.attempt (command_id, number, holder, token, system, operation, entity, key, line, generation,
                                    ended_at, ending, external_id, code, reason, entity_version, index, about)
    SELECT command.id, COALESCE(max(a.number), 0) + 1, hand, hand, command.system, command.operation, p_entity, p_key,
           command.line, command.generation, now(), CASE WHEN p_is_there THEN 'confirmed' ELSE 'absent' END,
           p_external_id, 'settled_by_person', p_actor || ': ' || p_reason, command.entity_version, command.index,
           tallystick.about(command.body)
    FROM tallystick.attempt a WHERE a.command_id = command.id;
    DELETE FROM tallystick.lease WHERE token = hand;
    PERFORM tallystick.tell_closed('{}', '{}', tallystick.close_cases('{}', ARRAY[command.id], 'resolved', p_actor));
    IF p_is_there THEN
        UPDATE tallystick.outbox SET state = 'open', reason = NULL, due_at = NULL WHERE id = command.id;
    ELSE
        PERFORM tallystick.reopen_commands(ARRAY[command.id]);
    END IF;
    INSERT INTO tallystick.audit (actor, action, entity, key, reason)
    VALUES (p_actor, 'command.settle', p_entity, p_key,
            command.reference || CASE WHEN p_is_there THEN ' is there: ' ELSE ' is not there: ' END || p_reason);
    outcome := 'done';
    -- What runs again may have another identity, but stands at the same place.
    SELECT o.reference INTO counts_as FROM tallystick.outbox o
    WHERE o.system = command.system AND o.entity = p_entity AND o.key = p_key
      AND o.entity_version = command.entity_version AND o.index = command.index;
END $$;

-- A notice of verdicts and of closed cases, if there are any.
CREATE FUNCTION tallystick.tell_closed(p_refs uuid[], p_verdicts text[], p_bodies text[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO tallystick.notice (refs, verdicts, routing_keys, bodies)
    SELECT p_refs, p_verdicts, array_fill('case.closed'::text, ARRAY[cardinality(p_bodies)]), p_bodies
    WHERE p_refs <> '{}' OR p_bodies <> '{}'
$$;

-- The identity of a command; the same digest as schemas.commands.command_id.
CREATE FUNCTION tallystick.command_id(p_system text, p_operation text, p_entity text, p_key text, p_line text,
                                      p_generation integer) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(set_byte(set_byte(d, 6, (get_byte(d, 6) & 15) | 128), 8, (get_byte(d, 8) & 63) | 128), 'hex')::uuid
    FROM (SELECT substring(sha256(convert_to(concat_ws(E'\x1f', p_system, p_operation, p_entity, p_key, p_line,
                                                       p_generation::text), 'UTF8')) FROM 1 FOR 16) AS d) digest
$$;

-- Give a command another generation, and so another identity, at the same place. Its cases go along: should it fail
-- again, they are the same.
CREATE FUNCTION tallystick.rename_command(p_id uuid, p_generation integer) RETURNS tallystick.outbox
LANGUAGE sql AS $$
    WITH renamed AS (
        UPDATE tallystick.outbox o SET
            generation = p_generation,
            id = tallystick.command_id(o.system, o.operation, o.entity, o.key, o.line, p_generation),
            reference = regexp_replace(o.reference, '[0-9]+$', p_generation::text)
        WHERE o.id = p_id RETURNING o.*
    ), cases AS (
        UPDATE tallystick.cases c SET command_id = r.id FROM renamed r WHERE c.command_id = p_id)
    SELECT * FROM renamed
$$;

-- Let parked commands run again; one that did nothing gets a new generation at the same place. It is behind every one
-- that a system was found to have: whoever remembers it would answer for what was undone there.
CREATE FUNCTION tallystick.reopen_commands(p_commands uuid[]) RETURNS void
LANGUAGE sql AS $$
    UPDATE tallystick.outbox SET state = 'open', reason = NULL, due_at = NULL WHERE id = ANY (p_commands);
    SELECT tallystick.rename_command(o.id, GREATEST(o.generation, sent.found_generation) + 1)
    FROM tallystick.outbox o
    CROSS JOIN LATERAL (SELECT COALESCE(max(b.number), 0) AS number FROM tallystick.attempt b
                        WHERE b.command_id = o.id AND b.ending = 'absent') absent
    CROSS JOIN LATERAL (SELECT bool_and(COALESCE(a.ending IN ('rejected', 'deferred', 'unsent', 'unanswered'), false)
                                        OR a.number <= absent.number)
                               AND bool_or(a.ending IN ('rejected', 'absent')) AS did_nothing,
                               max(a.found_generation) AS found_generation
                        FROM tallystick.attempt a WHERE a.command_id = o.id) sent
    WHERE o.id = ANY (p_commands) AND sent.did_nothing
$$;

-- What a system was found to have of a later generation of a command, unless everything was proved absent since. What
-- was logged behind it says nothing of it; as gateway.settlement.last_found.
CREATE FUNCTION tallystick.found_later(p_id uuid, OUT generation integer, OUT external_id text)
LANGUAGE sql STABLE AS $$
    SELECT a.found_generation, a.external_id
    FROM tallystick.attempt a
    WHERE a.command_id = p_id AND a.found_generation IS NOT NULL
      AND NOT EXISTS (SELECT FROM tallystick.attempt b
                      WHERE b.command_id = p_id AND b.number > a.number AND b.ending = 'absent')
    ORDER BY a.number DESC LIMIT 1
$$;

-- The head ends as discarded, if it is still the one that the operator saw: 'done', 'moved', or 'absent'.
CREATE FUNCTION tallystick.discard_head(p_entity text, p_key text, p_ref uuid, p_actor text, p_reason text)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    head uuid;
BEGIN
    PERFORM FROM tallystick.entity WHERE entity = p_entity AND key = p_key FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'absent';
    END IF;
    SELECT ref INTO head FROM tallystick.inbox
    WHERE entity = p_entity AND key = p_key AND position IS NOT NULL ORDER BY position LIMIT 1;
    IF head IS NULL THEN
        RETURN 'absent';
    ELSIF head <> p_ref THEN
        RETURN 'moved';
    END IF;
    UPDATE tallystick.inbox SET verdict = 'discarded', position = NULL, reason = p_actor || ': ' || p_reason
    WHERE ref = p_ref;
    UPDATE tallystick.entity SET
        row_version = row_version + 1, lane_depth = lane_depth - 1, retry_at = NULL,
        lane_reason = CASE WHEN lane_state = 'paused' OR (entity = 'external' AND lane_depth > 1) THEN lane_reason END,
        lane_state = CASE WHEN lane_state = 'paused' OR (entity = 'external' AND lane_depth > 1) THEN lane_state
                          ELSE 'open' END,
        lane_since = CASE WHEN lane_depth > 1 THEN now() END, waited_since = NULL,
        wait_entity = NULL, wait_key = NULL, wait_seen = NULL,
        patience = CASE WHEN entity = 'external' AND lane_depth > 1 THEN patience END
    WHERE entity = p_entity AND key = p_key;
    PERFORM tallystick.close_numbers(p_entity, p_key, ARRAY[p_ref]);
    INSERT INTO tallystick.timeline (entity, key, entity_version, what, ref, reason)
    SELECT entity, key, entity_version, 'discarded', p_ref, p_actor || ': ' || p_reason
    FROM tallystick.entity WHERE entity = p_entity AND key = p_key;
    PERFORM tallystick.tell_closed(ARRAY[p_ref], ARRAY['discarded'],
                                   tallystick.close_cases(ARRAY[p_ref], '{}', 'discarded', p_actor));
    INSERT INTO tallystick.audit (actor, action, entity, key, ref, reason)
    VALUES (p_actor, 'lane.discard', p_entity, p_key, p_ref, p_reason);
    RETURN 'done';
END $$;

-- Numbers of a series that never come: all up to p_through count as closed, and a head that waited for them may run.
-- Only numbers below one that stands in the lane are missing: what was never seen may still come, and must not be stale.
-- 'done', 'absent' if the key has no such series, 'closed' if they are closed already, 'beyond' if nothing waits there.
CREATE FUNCTION tallystick.close_gap(p_entity text, p_key text, p_series text, p_through bigint, p_actor text,
                                     p_reason text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    cursor jsonb;
BEGIN
    SELECT cursors -> p_series INTO cursor FROM tallystick.entity
    WHERE entity = p_entity AND key = p_key FOR NO KEY UPDATE;
    IF cursor IS NULL OR cursor ->> 'through' IS NULL THEN
        RETURN 'absent';
    ELSIF (cursor ->> 'through')::bigint >= p_through THEN
        RETURN 'closed';
    ELSIF p_through >= COALESCE((SELECT min(i.sequence) FROM tallystick.inbox i
                                 WHERE i.entity = p_entity AND i.key = p_key AND i.series = p_series
                                   AND i.position IS NOT NULL AND i.sequence > (cursor ->> 'through')::bigint), 0)
    THEN
        RETURN 'beyond';
    END IF;
    UPDATE tallystick.entity SET
        row_version = row_version + 1,
        cursors = jsonb_set(cursors, ARRAY[p_series], tallystick.moved_cursor(cursor, '{}', p_through))
    WHERE entity = p_entity AND key = p_key;
    UPDATE tallystick.entity SET
        lane_state = 'open', lane_reason = NULL, lane_since = now(), patience = NULL, waited_since = lane_since
    WHERE entity = p_entity AND key = p_key AND lane_state = 'waiting' AND wait_entity IS NULL
      AND entity <> 'external';
    INSERT INTO tallystick.timeline (entity, key, entity_version, what, reason)
    SELECT entity, key, entity_version, 'gap_closed',
           p_actor || ' closed the numbers of ' || p_series || ' up to ' || p_through || ': ' || p_reason
    FROM tallystick.entity WHERE entity = p_entity AND key = p_key;
    INSERT INTO tallystick.audit (actor, action, entity, key, reason)
    VALUES (p_actor, 'lane.close_gap', p_entity, p_key, p_series || ' up to ' || p_through || ': ' || p_reason);
    RETURN 'done';
END $$;

-- A case for each lane whose head has waited for longer than it may, once; at most p_page of them. Only its patience
-- changes, so no turn is fenced off by it: it goes on waiting.
CREATE FUNCTION tallystick.open_overdue(p_page integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    keys   text[];
    bodies text[];
BEGIN
    WITH late AS (
        SELECT e.entity, e.key, e.lane_reason, e.lane_since FROM tallystick.entity e
        WHERE e.lane_state = 'waiting' AND e.lane_depth > 0 AND e.patience IS NOT NULL
          AND e.lane_since <= now() - make_interval(secs => e.patience)
        ORDER BY e.entity, e.key LIMIT p_page FOR NO KEY UPDATE SKIP LOCKED
    ), asked AS (
        UPDATE tallystick.entity e SET patience = NULL FROM late l
        WHERE e.entity = l.entity AND e.key = l.key RETURNING e.entity, e.key
    ), heads AS (
        SELECT l.*, (SELECT i.ref FROM tallystick.inbox i
                     WHERE i.entity = l.entity AND i.key = l.key AND i.position IS NOT NULL
                     ORDER BY i.position LIMIT 1) AS ref
        FROM late l JOIN asked a ON a.entity = l.entity AND a.key = l.key
    )
    SELECT c.keys, c.bodies INTO keys, bodies FROM tallystick.open_cases((
        SELECT jsonb_agg(jsonb_build_object(
                   'entity', h.entity, 'key', h.key, 'ref', h.ref, 'failure_class', 'missing_reference',
                   'code', 'wait_overdue', 'reason', h.lane_reason || ', since '
                   || to_char(h.lane_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC')
               ORDER BY h.entity, h.key) FROM heads h), false) c;
    IF bodies <> '{}' THEN
        INSERT INTO tallystick.notice (refs, verdicts, routing_keys, bodies)
        VALUES ('{}', '{}', keys, bodies);
    END IF;
    RETURN cardinality(bodies);
END $$;
