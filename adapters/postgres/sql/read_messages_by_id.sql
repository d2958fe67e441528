-- Messages of all sources, or of one, with one event id: a step through the index for each source that there is.
WITH RECURSIVE sources AS (
    (SELECT i.source FROM tallystick.inbox i WHERE $2::text IS NULL OR i.source = $2 ORDER BY i.source LIMIT 1)
    UNION ALL
    SELECT (SELECT i.source FROM tallystick.inbox i WHERE i.source > s.source ORDER BY i.source LIMIT 1)
    FROM sources s WHERE s.source IS NOT NULL AND $2::text IS NULL
)
SELECT i.ref, i.source, i.event_id, i.type, i.entity, i.key, i.verdict, i.reason, i.attempts, i.position, i.received_at,
       octet_length(i.body) AS bytes
FROM sources s
JOIN tallystick.inbox i ON i.source = s.source AND i.event_id = $1
WHERE $3::text IS NULL OR i.verdict = $3
ORDER BY i.source
LIMIT $4
