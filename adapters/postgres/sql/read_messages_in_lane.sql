-- Messages of one lane, from its head.
SELECT i.ref, i.source, i.event_id, i.type, i.entity, i.key, i.verdict, i.reason, i.attempts, i.position, i.received_at,
       octet_length(i.body) AS bytes
FROM tallystick.inbox i
WHERE i.entity = $1 AND i.key = $2 AND i.position IS NOT NULL
ORDER BY i.position
LIMIT $3
