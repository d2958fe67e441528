-- One lane, its head, and the commands that hold its key.
SELECT e.entity, e.key, e.lane_state, e.lane_depth, head.ref AS head, e.lane_reason, e.lane_since, e.retry_at,
       e.wait_entity, e.wait_key,
       CASE WHEN e.entity = 'external' THEN e.state ->> 'entity' END AS bound_entity,
       CASE WHEN e.entity = 'external' THEN e.state ->> 'id' END AS bound_key,
       e.entity_version, held.ids, held.systems, held.operations, held.refs, held.reasons
FROM tallystick.entity e
LEFT JOIN LATERAL (
    SELECT i.ref FROM tallystick.inbox i
    WHERE i.entity = e.entity AND i.key = e.key AND i.position IS NOT NULL
    ORDER BY i.position LIMIT 1
) head ON true
CROSS JOIN LATERAL (
    SELECT array_agg(o.id ORDER BY o.system, o.entity_version, o.index) AS ids,
           array_agg(o.system ORDER BY o.system, o.entity_version, o.index) AS systems,
           array_agg(o.operation ORDER BY o.system, o.entity_version, o.index) AS operations,
           array_agg(o.reference ORDER BY o.system, o.entity_version, o.index) AS refs,
           array_agg(o.reason ORDER BY o.system, o.entity_version, o.index) AS reasons
    FROM tallystick.outbox o WHERE o.entity = e.entity AND o.key = e.key AND o.state = 'parked'
) held
WHERE e.entity = $1 AND e.key = $2
LIMIT $3
