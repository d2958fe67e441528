-- The newest messages of a time, in the order in which they came, without those that the gateway itself has said, but
-- with all ids that were imported until its end.
SELECT m.ref, m.entity, m.key, m.body, m.received_at FROM (
    (SELECT i.ref, i.entity, i.key, i.body, i.received_at FROM tallystick.inbox i
    WHERE ($1::timestamptz IS NULL OR i.received_at >= $1) AND ($2::timestamptz IS NULL OR i.received_at < $2)
      AND NOT starts_with(i.source, 'tallystick:')
    ORDER BY i.ref DESC LIMIT $3)
    UNION ALL
    SELECT i.ref, i.entity, i.key, i.body, i.received_at FROM tallystick.inbox i
    WHERE i.source = 'tallystick:import' AND ($2::timestamptz IS NULL OR i.received_at < $2)) m
ORDER BY m.ref
