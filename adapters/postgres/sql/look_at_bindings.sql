-- Bindings of the external keys $1, and those that mean one of the keys ($2, $3).
WITH found AS (
    SELECT x.key, x.bound_entity, x.bound_key FROM unnest($1::text[]) k(key)
    JOIN tallystick.entity x ON x.entity = 'external' AND x.key = k.key AND x.bound_entity IS NOT NULL
    UNION
    SELECT x.key, x.bound_entity, x.bound_key FROM unnest($2::text[], $3::text[]) k(entity, key)
    JOIN tallystick.entity x ON x.bound_entity = k.entity AND x.bound_key = k.key
)
SELECT x.key AS external, x.bound_entity, x.bound_key, e.state
FROM found x
LEFT JOIN tallystick.entity e ON e.entity = x.bound_entity AND e.key = x.bound_key
ORDER BY x.key
