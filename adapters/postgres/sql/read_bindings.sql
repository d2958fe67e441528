-- Bindings of a system, kind, external id, entity, and key, each where it is not null, behind the external key $6: of each
-- system and kind that there is, found by one step in the index, those that come first.
-- The parts of an external key: schemas.keys.external_key. '0' is the character behind '/'.
WITH RECURSIVE kinds AS (
    SELECT tallystick.next_external_kind(COALESCE($1::text || '/', '')) AS name
    UNION ALL
    SELECT tallystick.next_external_kind(k.name || '0') FROM kinds k
    WHERE k.name IS NOT NULL AND ($1::text IS NULL OR split_part(k.name, '/', 1) = $1)
)
SELECT x.key AS external, x.bound_entity, x.bound_key, e.state
FROM kinds k
CROSS JOIN LATERAL (
    SELECT b.key, b.bound_entity, b.bound_key FROM tallystick.entity b
    WHERE b.entity = 'external' AND b.bound_entity IS NOT NULL
      AND b.key >= k.name || '/' AND b.key < k.name || '0'
      AND ($3::text IS NULL OR b.key = k.name || '/' || $3)
      AND ($4::text IS NULL OR b.bound_entity = $4)
      AND ($5::text IS NULL OR b.bound_key = $5)
      AND ($6::text IS NULL OR b.key > $6)
    ORDER BY b.key LIMIT $7
) x
LEFT JOIN tallystick.entity e ON e.entity = x.bound_entity AND e.key = x.bound_key
WHERE k.name IS NOT NULL
  AND ($1::text IS NULL OR split_part(k.name, '/', 1) = $1)
  AND ($2::text IS NULL OR split_part(k.name, '/', 2) = $2)
ORDER BY x.key
LIMIT $7
