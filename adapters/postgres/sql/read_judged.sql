-- The message with a reference; if there is none, the one with a source and an id.
SELECT i.ref, i.verdict, i.reason, i.body_hash FROM tallystick.inbox i WHERE i.ref = $1
UNION ALL
SELECT i.ref, i.verdict, i.reason, i.body_hash FROM tallystick.inbox i
WHERE i.source = $2 AND i.event_id = $3 AND NOT EXISTS (SELECT FROM tallystick.inbox m WHERE m.ref = $1)
