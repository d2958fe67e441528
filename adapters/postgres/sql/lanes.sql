-- The first messages of some lanes, in order: of each at most $3, of at most $4 bytes together, and its head whatever its
-- size. Bodies are measured without being read; read are only those that are given.
SELECT k.entity, k.key, m.ref, m.source, m.event_id, m.type, m.body_hash, m.verdict, m.position, m.attempts,
       m.body, m.reason, m.series, m.sequence
FROM unnest($1::text[], $2::text[]) k(entity, key)
CROSS JOIN LATERAL (
    SELECT i.*, sum(octet_length(i.body)) OVER (ORDER BY i.position ROWS UNBOUNDED PRECEDING) AS bytes
    FROM tallystick.inbox i
    WHERE i.entity = k.entity AND i.key = k.key AND i.position IS NOT NULL
    ORDER BY i.position LIMIT $3
) m
WHERE m.bytes <= $4 OR m.bytes = octet_length(m.body)
ORDER BY k.entity, k.key, m.position
