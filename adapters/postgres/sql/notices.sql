-- Facts committed and not published, oldest commits first, until there are $1 of them. Messages are told as they stand in the inbox, and a message
-- in conflict with an earlier one under the source and id that its sender gave it.
WITH RECURSIVE oldest AS (
    (SELECT n.*, cardinality(n.refs) + cardinality(n.bodies) AS told FROM tallystick.notice n ORDER BY n.id LIMIT 1)
    UNION ALL
    SELECT next.* FROM oldest o CROSS JOIN LATERAL (
        SELECT n.*, o.told + cardinality(n.refs) + cardinality(n.bodies) FROM tallystick.notice n
        WHERE n.id > o.id ORDER BY n.id LIMIT 1) next
    WHERE o.told < $1)
SELECT o.id, 'message.' || m.verdict AS routing_key,
       json_build_object('ref', i.ref, 'source', regexp_replace(i.source, '^conflict:', ''),
                         'id', CASE WHEN i.source LIKE 'conflict:%' THEN regexp_replace(i.event_id, '#[^#]*$', '')
                                    ELSE i.event_id END,
                         'type', i.type, 'entity', i.entity, 'key', i.key, 'verdict', m.verdict, 'reason', i.reason, 'at', i.received_at)::text AS body,
       m.place
FROM oldest o
CROSS JOIN LATERAL unnest(o.refs, o.verdicts) WITH ORDINALITY m(ref, verdict, place)
JOIN tallystick.inbox i ON i.ref = m.ref
UNION ALL
SELECT o.id, n.routing_key, n.body, cardinality(o.refs) + n.place
FROM oldest o
CROSS JOIN LATERAL unnest(o.routing_keys, o.bodies) WITH ORDINALITY n(routing_key, body, place)
ORDER BY 1, 4
