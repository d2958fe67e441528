-- Commands that stand open for too long. Such a command is the head of its (system, key); what stands behind it waits
-- for it, and is not told of. The rules are those of adapters/memory/overdue.py; who changes one changes both.

-- The open cases of such commands.
CREATE INDEX cases_overdue ON tallystick.cases (entity, key)
    WHERE closed_at IS NULL AND code = 'command_overdue';

-- Commands that were tried and not settled. Those that are sent at once and settled never enter it.
CREATE INDEX outbox_tried ON tallystick.outbox (entity, key) WHERE state = 'open' AND due_at IS NOT NULL;

-- What operators let go on, and when.
CREATE INDEX audit_let_go ON tallystick.audit (key, at)
    WHERE action IN ('lane.retry', 'pause.end', 'system.resume', 'restore.released');

-- A case for each overdue head among the next p_page keys of a system behind (p_entity, p_key): how many were opened,
-- and the last key that was looked at, null if there is none behind it. Heads are found by one step in the index each,
-- however many commands stand behind them. A parked head has a case of its own. The gate of a system that is not listed
-- explains nothing: whether it is paused or not, nobody sends its commands.
CREATE FUNCTION tallystick.open_overdue_commands(p_system text, p_is_listed boolean, p_age double precision,
                                                 p_grace double precision, p_entity text, p_key text, p_page integer)
RETURNS TABLE (opened integer, entity text, key text)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    let_go timestamptz := now() - make_interval(secs => p_grace);
    keys   text[];
    bodies text[];
BEGIN
    opened := 0;
    IF (p_is_listed AND EXISTS (SELECT FROM tallystick.gate g
                                WHERE g.system = p_system AND g.paused_at IS NOT NULL))
       OR EXISTS (SELECT FROM tallystick.restore r WHERE r.ended_at IS NULL AND r.released_at IS NULL)
       OR EXISTS (SELECT FROM tallystick.audit a
                  WHERE a.action = 'system.resume' AND a.entity = 'system' AND a.key = p_system AND a.at > let_go)
       OR EXISTS (SELECT FROM tallystick.audit a
                  WHERE a.action IN ('restore.released', 'pause.end') AND a.entity IS NULL AND a.key IS NULL
                    AND a.at > let_go)
    THEN
        RETURN NEXT;
        RETURN;
    END IF;
    WITH RECURSIVE heads AS (
        (SELECT o.id, o.entity, o.key, 1 AS place FROM tallystick.outbox o
         WHERE o.system = p_system AND (o.entity, o.key) > (p_entity, p_key)
         ORDER BY o.system, o.entity, o.key, o.entity_version, o.index LIMIT 1)
        UNION ALL
        SELECT n.id, n.entity, n.key, h.place + 1
        FROM heads h
        CROSS JOIN LATERAL (
            SELECT o.id, o.entity, o.key FROM tallystick.outbox o
            WHERE o.system = p_system AND (o.entity, o.key) > (h.entity, h.key)
            ORDER BY o.system, o.entity, o.key, o.entity_version, o.index LIMIT 1
        ) n
        WHERE h.place < p_page
    ), late AS (
        SELECT o.* FROM heads h JOIN tallystick.outbox o ON o.id = h.id
        WHERE o.state = 'open' AND o.created_at <= now() - make_interval(secs => p_age)
          AND NOT tallystick.is_paused(o.entity, o.key, o.body)
          AND NOT EXISTS (SELECT FROM tallystick.audit a
                          WHERE a.action IN ('lane.retry', 'pause.end') AND a.entity = o.entity
                            AND a.key = o.key AND a.at > let_go)
          AND NOT EXISTS (SELECT FROM tallystick.audit a
                          WHERE a.action = 'pause.end' AND a.entity = o.entity AND a.key IS NULL AND a.at > let_go)
          AND NOT EXISTS (SELECT FROM tallystick.cases c
                          WHERE c.command_id = o.id AND c.closed_at IS NULL AND c.code = 'command_overdue')
    ), told AS (
        SELECT jsonb_agg(jsonb_build_object(
                   'entity', l.entity, 'key', l.key, 'command_id', l.id,
                   'failure_class', CASE WHEN p_is_listed THEN 'timeout' ELSE 'mapping' END,
                   'code', 'command_overdue', 'system', l.system, 'money', tallystick.money_of(l.body),
                   'reason', l.system || ' has not settled ' || l.operation || ' ' || l.reference || ' since '
                   || to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC; attempts: '
                   || COALESCE(tried.attempts, 0) || ', last answer: ' || COALESCE(tried.reason, 'none')
                   || CASE WHEN p_is_listed THEN '' ELSE
                           '; the policy file does not list ' || l.system || ', so nothing is sent to it: add it' END)
               ORDER BY l.entity, l.key) AS cases
        FROM late l
        CROSS JOIN LATERAL (
            SELECT max(a.number) AS attempts,
                   (array_agg(a.reason ORDER BY a.number DESC) FILTER (WHERE a.reason IS NOT NULL))[1] AS reason
            FROM tallystick.attempt a WHERE a.command_id = l.id
        ) tried
    )
    SELECT c.keys, c.bodies, h.entity, h.key INTO keys, bodies, entity, key
    FROM told t CROSS JOIN LATERAL tallystick.open_cases(t.cases, false) c LEFT JOIN heads h ON h.place = p_page;
    opened := cardinality(bodies);
    IF opened > 0 THEN
        INSERT INTO tallystick.notice (refs, verdicts, routing_keys, bodies)
        VALUES ('{}', '{}', keys, bodies);
    END IF;
    RETURN NEXT;
END $$;

-- Close up to p_page cases of commands that are settled, or parked with a case of their own; how many. The commits that
-- settle know nothing of these cases, which are few: so they cost nothing.
CREATE FUNCTION tallystick.close_overdue_commands(p_page integer) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    bodies text[];
BEGIN
    WITH over AS (
        SELECT c.id FROM tallystick.cases c
        WHERE c.closed_at IS NULL AND c.code = 'command_overdue'
          AND NOT EXISTS (SELECT FROM tallystick.outbox o WHERE o.id = c.command_id AND o.state = 'open')
        ORDER BY c.entity, c.key LIMIT p_page FOR UPDATE SKIP LOCKED
    ), closed AS (
        UPDATE tallystick.cases c SET closed_at = now(), closed_how = 'succeeded', version = c.version + 1
        FROM over o WHERE c.id = o.id
        RETURNING c.id, tallystick.case_body(c, 'closed') AS body
    )
    SELECT COALESCE(array_agg(body ORDER BY id), '{}') INTO bodies FROM closed;
    PERFORM tallystick.tell_closed('{}', '{}', bodies);
    RETURN cardinality(bodies);
END $$;
