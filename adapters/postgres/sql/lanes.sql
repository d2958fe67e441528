-- The first messages of some lanes, in order.
SELECT k.entity, k.key, m.ref, m.source, m.event_id, m.type, m.body_hash, m.verdict, m.position, m.attempts,
       m.body, m.reason, m.series, m.sequence
FROM unnest($1::text[], $2::text[]) k(entity, key)
CROSS JOIN LATERAL (
    SELECT * FROM tallystick.inbox i
    WHERE i.entity = k.entity AND i.key = k.key AND i.position IS NOT NULL
    ORDER BY i.position LIMIT $3
) m
ORDER BY k.entity, k.key, m.position
