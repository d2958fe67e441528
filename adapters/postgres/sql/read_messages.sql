-- Messages from the newest, of a source, with a verdict, behind a reference; each of these where it is not null. They are
-- found in an index alone: who takes them for spread evenly would walk past all that have come since the newest such.
-- OFFSET keeps the rest a look-up for each.
SELECT i.ref, i.source, i.event_id, i.type, i.entity, i.key, i.verdict, i.reason, i.attempts, i.position, i.received_at,
       octet_length(i.body) AS bytes
FROM (
    SELECT m.ref FROM tallystick.inbox m
    WHERE ($1::text IS NULL OR m.source = $1)
      AND ($2::text IS NULL OR m.verdict = $2)
      AND ($3::uuid IS NULL OR m.ref < $3)
    ORDER BY m.ref DESC
    LIMIT $4
) found
CROSS JOIN LATERAL (SELECT * FROM tallystick.inbox n WHERE n.ref = found.ref OFFSET 0) i
ORDER BY i.ref DESC
