-- Who holds which of some values. What an external id means stands in its own row.
SELECT c.scope, c.value, c.entity, c.key
FROM unnest($1::text[], $2::text[]) AS asked(scope, value)
JOIN tallystick.claim c ON c.scope = asked.scope AND c.value = asked.value
UNION ALL
SELECT asked.scope, asked.value, e.bound_entity, e.bound_key
FROM unnest($1::text[], $2::text[]) AS asked(scope, value)
JOIN tallystick.entity e ON e.entity = asked.scope AND e.key = asked.value
WHERE asked.scope = 'external' AND e.bound_entity IS NOT NULL
