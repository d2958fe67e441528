-- One message by its reference.
SELECT i.ref, i.source, i.event_id, i.type, i.entity, i.key, i.verdict, i.reason, i.attempts, i.position, i.received_at,
       octet_length(i.body) AS bytes
FROM tallystick.inbox i
WHERE i.ref = $1
LIMIT $2
