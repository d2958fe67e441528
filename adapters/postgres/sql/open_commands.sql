-- The systems that have commands, but for those in $1: how many, and since when the oldest stands. Systems are found by
-- one step in the index each, and only the commands of those that are asked for are counted.
WITH RECURSIVE systems AS (
    (SELECT o.system FROM tallystick.outbox o ORDER BY o.system LIMIT 1)
    UNION ALL
    SELECT (SELECT o.system FROM tallystick.outbox o WHERE o.system > s.system ORDER BY o.system LIMIT 1)
    FROM systems s WHERE s.system IS NOT NULL
)
SELECT s.system, found.commands, found.oldest
FROM systems s
CROSS JOIN LATERAL (
    SELECT count(*) AS commands, min(o.created_at) AS oldest FROM tallystick.outbox o WHERE o.system = s.system
) found
WHERE s.system <> ALL ($1::text[]) AND found.commands > 0
ORDER BY s.system
