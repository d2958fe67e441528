-- Earlier attempts at some commands that decide anything, oldest first; of what is sent again those since then.
SELECT a.command_id, a.number, a.ending, a.external_id, a.failure_class, a.code, a.reason, a.found_generation,
       EXTRACT(epoch FROM now() - a.started_at)::double precision AS started_for,
       EXTRACT(epoch FROM now() - a.ended_at)::double precision AS ended_for
FROM tallystick.attempt a
LEFT JOIN tallystick.outbox o ON o.id = a.command_id
WHERE a.command_id = ANY ($1::uuid[]) AND a.token <> $2
  AND a.number > COALESCE(o.past, 0)
  AND (a.ending IS NULL OR a.ending NOT IN ('deferred', 'unsent'))
ORDER BY a.command_id, a.number
