-- Commands of one key by the version at which they were asked for, open ones and those in the sent log, each once with
-- a row for each attempt. The systems that have commands come by a step through the index each.
WITH RECURSIVE systems AS (
    (SELECT o.system FROM tallystick.outbox o ORDER BY o.system LIMIT 1)
    UNION ALL
    SELECT (SELECT o.system FROM tallystick.outbox o WHERE o.system > s.system ORDER BY o.system LIMIT 1)
    FROM systems s WHERE s.system IS NOT NULL
), open AS (
    SELECT o.id, o.system, o.operation, o.line, o.generation, o.entity_version, o.index, o.state
    FROM tallystick.outbox o
    WHERE o.system IN (SELECT s.system FROM systems s) AND o.entity = $1 AND o.key = $2
      AND o.entity_version > $3 AND o.entity_version <= $4
), sent AS (
    SELECT DISTINCT ON (a.command_id) a.command_id AS id, a.system, a.operation, a.line, a.generation,
           a.entity_version, a.index, 'ended' AS state
    FROM tallystick.attempt a
    WHERE a.entity = $1 AND a.key = $2 AND a.entity_version > $3 AND a.entity_version <= $4
      AND NOT EXISTS (SELECT FROM open o WHERE o.id = a.command_id)
    ORDER BY a.command_id
), asked AS (
    SELECT * FROM (SELECT * FROM open UNION ALL SELECT * FROM sent) x
    ORDER BY x.entity_version, x.index, x.system, x.generation LIMIT $5
)
SELECT k.*, a.number, a.started_at, a.ended_at, a.ending, a.external_id, a.failure_class, a.code, a.reason
FROM asked k
LEFT JOIN tallystick.attempt a ON a.command_id = k.id
ORDER BY k.entity_version, k.index, k.system, k.generation, a.number
