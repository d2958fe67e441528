-- Open cases, oldest first.
SELECT c.id, c.opened_at, c.entity, c.key, c.ref, c.command_id, c.failure_class, c.code, c.field, c.reason
FROM tallystick.cases c
WHERE c.closed_at IS NULL AND c.id > $1
ORDER BY c.id
LIMIT $2
