-- One entity, and the first of the external keys that mean it.
SELECT e.entity_version, e.state::text AS state, e.state_schema, e.bound_entity, e.bound_key,
       ARRAY(SELECT b.key FROM tallystick.entity b
             WHERE b.bound_entity = e.entity AND b.bound_key = e.key ORDER BY b.key LIMIT 1000) AS externals
FROM tallystick.entity e
WHERE e.entity = $1 AND e.key = $2
