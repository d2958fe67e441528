-- The lanes of some keys in key order, each with its head, and with what holds the commands of its key. So much is joined
-- that planning costs more than running: it is planned once for a connection. Rows are put in order before they are
-- drawn together: an aggregate that sorts makes, in PostgreSQL 15, a sort for each lane, also where there are no rows.
WITH RECURSIVE systems AS (
    -- The systems that have commands, each found by one step in the index.
    (SELECT o.system FROM tallystick.outbox o ORDER BY o.system LIMIT 1)
    UNION ALL
    SELECT (SELECT o.system FROM tallystick.outbox o WHERE o.system > s.system ORDER BY o.system LIMIT 1)
    FROM systems s WHERE s.system IS NOT NULL
), listed AS (
    SELECT l.entity COLLATE "C" AS entity, l.key COLLATE "C" AS key FROM unnest($1::text[], $2::text[]) l(entity, key)
)
SELECT e.entity, e.key, e.lane_state, e.lane_depth, head.ref AS head, head.received_at AS oldest, e.lane_reason,
       e.lane_since, e.retry_at, e.wait_entity, e.wait_key,
       CASE WHEN e.entity = 'external' THEN e.state ->> 'entity' END AS bound_entity,
       CASE WHEN e.entity = 'external' THEN e.state ->> 'id' END AS bound_key,
       e.entity_version, held.ids, held.systems, held.operations, held.refs, held.reasons, held.tries,
       blocked.currencies, blocked.amounts, sending.*
FROM listed
JOIN tallystick.entity e ON e.entity = listed.entity AND e.key = listed.key
CROSS JOIN (
    SELECT EXISTS (SELECT FROM tallystick.restore WHERE ended_at IS NULL AND released_at IS NULL) AS held
) restore
-- Most lanes have no commands, and nothing more is looked for then.
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM systems s JOIN tallystick.outbox o ON o.system = s.system
                   WHERE o.entity = e.entity AND o.key = e.key) AS are_there
) commands
LEFT JOIN LATERAL (
    SELECT i.ref, i.received_at FROM tallystick.inbox i
    WHERE i.entity = e.entity AND i.key = e.key AND i.position IS NOT NULL
    ORDER BY i.position LIMIT 1
) head ON true
CROSS JOIN LATERAL (
    SELECT array_agg(o.id) AS ids, array_agg(o.system) AS systems, array_agg(o.operation) AS operations,
           array_agg(o.reference) AS refs, array_agg(o.reason) AS reasons, array_agg(o.tries) AS tries
    FROM (SELECT p.* FROM (
              SELECT o.id, o.system, o.operation, o.reference, o.reason, o.entity_version, o.index,
                     (SELECT COALESCE(max(a.number), 0) FROM tallystick.attempt a WHERE a.command_id = o.id) AS tries
              FROM tallystick.outbox o
              WHERE commands.are_there AND o.entity = e.entity AND o.key = e.key AND o.state = 'parked'
              OFFSET 0  -- by the index of what is parked, not in order by the one of all commands
          ) p ORDER BY p.system, p.entity_version, p.index) o
) held
CROSS JOIN LATERAL (
    SELECT array_agg(m.currency) AS currencies, array_agg(m.amount) AS amounts
    FROM (SELECT b.body ->> 'currency' AS currency, sum((b.body ->> 'amount')::numeric) AS amount
          FROM (SELECT convert_from(o.body, 'UTF8')::jsonb AS body FROM tallystick.outbox o
                WHERE commands.are_there AND o.system IN (SELECT s.system FROM systems s)
                  AND o.entity = e.entity AND o.key = e.key) b
          WHERE b.body ? 'amount' AND b.body ? 'currency' GROUP BY 1 ORDER BY 1) m
) blocked
CROSS JOIN LATERAL (
    SELECT array_agg(h.system) AS send_systems, array_agg(h.depth) AS send_depths, array_agg(h.id) AS send_ids,
           array_agg(h.operation) AS send_operations, array_agg(h.reference) AS send_refs,
           array_agg(h.state) AS send_states, array_agg(h.reason) AS send_reasons,
           array_agg(h.created_at) AS send_since, array_agg(h.due_at) AS send_due,
           array_agg(h.attempts) AS send_attempts, array_agg(h.is_overdue) AS send_overdue,
           array_agg(h.found_reference) AS send_found_references, array_agg(h.found_id) AS send_found_ids
    FROM (
        SELECT first.system, first.id, first.operation, first.reference, first.created_at,
               CASE WHEN first.state = 'open' AND first.due_at > now() THEN first.due_at END AS due_at,
               CASE WHEN first.state = 'parked' THEN 'parked'
                    WHEN lease.holder IS NOT NULL THEN 'sending'
                    WHEN first.due_at > now() OR stop.reason IS NOT NULL THEN 'held' ELSE 'due' END AS state,
               CASE WHEN first.state = 'parked' THEN first.reason
                    WHEN lease.holder IS NOT NULL THEN tried.reason
                    ELSE COALESCE(stop.reason, tried.reason) END AS reason,
               -- Who settles a command names it by this number: what they find while it is sent may be overtaken.
               CASE WHEN lease.holder IS NULL THEN COALESCE(tried.number, 0) END AS attempts,
               -- No EXISTS: of that a hash of all overdue commands might be made.
               (SELECT true FROM tallystick.cases c
                WHERE c.command_id = first.id AND c.closed_at IS NULL AND c.code = 'command_overdue' LIMIT 1)
                   IS NOT NULL AS is_overdue,
               -- Kept back while it is sent, as `attempts` is: the two belong together.
               CASE WHEN lease.holder IS NULL
                    THEN regexp_replace(first.reference, '[0-9]+$', found.generation::text) END AS found_reference,
               CASE WHEN lease.holder IS NULL THEN found.external_id END AS found_id,
               (SELECT count(*) FROM tallystick.outbox o
                WHERE o.system = first.system AND o.entity = first.entity AND o.key = first.key) AS depth
        FROM systems s
        CROSS JOIN LATERAL (
            SELECT o.* FROM tallystick.outbox o
            WHERE o.system = s.system AND o.entity = e.entity AND o.key = e.key
            ORDER BY o.system, o.entity, o.key, o.entity_version, o.index LIMIT 1
        ) first
        LEFT JOIN tallystick.lease
            ON lease.system = first.system AND lease.entity = first.entity AND lease.key = first.key
        LEFT JOIN tallystick.gate ON gate.system = first.system
        LEFT JOIN LATERAL (
            SELECT a.reason, a.number FROM tallystick.attempt a
            WHERE a.command_id = first.id ORDER BY a.number DESC LIMIT 1
        ) tried ON true
        CROSS JOIN LATERAL tallystick.found_later(first.id) found
        CROSS JOIN LATERAL (
            SELECT CASE WHEN restore.held THEN 'a restore is held: see `tallystick restore show`'
                        WHEN tallystick.is_paused(first.entity, first.key, first.body)
                        THEN 'paused by an operator: see GET /v1/pauses'
                        WHEN gate.paused_at IS NOT NULL
                        THEN first.system || ' is paused: see GET /v1/systems/' || first.system
                        WHEN gate.open_until > clock_timestamp()
                        THEN first.system || ' fails and is left alone: see GET /v1/systems/' || first.system
                        WHEN gate.wait_until > clock_timestamp()
                        THEN first.system || ' asked us to come back later: see GET /v1/systems/' || first.system
                   END AS reason
        ) stop
        WHERE commands.are_there
        ORDER BY first.system
    ) h
) sending
ORDER BY e.entity, e.key
