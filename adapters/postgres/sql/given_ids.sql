-- The ids that systems gave for commands of these keys.
SELECT a.system, a.operation, a.entity, a.key, a.line, a.external_id
FROM unnest($1::text[], $2::text[]) k(entity, key)
JOIN tallystick.attempt a ON a.entity = k.entity AND a.key = k.key
WHERE a.ending = 'confirmed' AND a.external_id IS NOT NULL
ORDER BY a.ended_at, a.command_id
