-- Bindings of a system, kind, external id, entity, and key, each where it is not null, behind the external key $6.
-- The parts of an external key: schemas.keys.external_key. '0' is the character behind '/'.
SELECT x.key AS external, x.bound_entity, x.bound_key, e.state
FROM tallystick.entity x
LEFT JOIN tallystick.entity e ON e.entity = x.bound_entity AND e.key = x.bound_key
WHERE x.entity = 'external' AND x.bound_entity IS NOT NULL
  AND ($1::text IS NULL OR (x.key >= $1 || '/' AND x.key < $1 || '0'))
  AND ($2::text IS NULL OR split_part(x.key, '/', 2) = $2)
  AND ($3::text IS NULL OR regexp_replace(x.key, '^[^/]*/[^/]*/', '') = $3)
  AND ($4::text IS NULL OR x.bound_entity = $4)
  AND ($5::text IS NULL OR x.bound_key = $5)
  AND ($6::text IS NULL OR x.key > $6)
ORDER BY x.key
LIMIT $7
