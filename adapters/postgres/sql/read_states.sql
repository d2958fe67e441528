-- The states of the keys ($1, $2) that have one.
SELECT e.entity, e.key, e.state
FROM unnest($1::text[], $2::text[]) k(entity, key)
JOIN tallystick.entity e ON e.entity = k.entity AND e.key = k.key
WHERE e.state IS NOT NULL
