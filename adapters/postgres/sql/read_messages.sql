-- Messages from the newest, of a source, with a verdict, behind a reference; each of these where it is not null.
SELECT i.ref, i.source, i.event_id, i.type, i.entity, i.key, i.verdict, i.reason, i.attempts, i.position, i.received_at,
       octet_length(i.body) AS bytes
FROM tallystick.inbox i
WHERE ($1::text IS NULL OR i.source = $1)
  AND ($2::text IS NULL OR i.verdict = $2)
  AND ($3::uuid IS NULL OR i.ref < $3)
ORDER BY i.ref DESC
LIMIT $4
