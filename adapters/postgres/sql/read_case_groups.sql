-- The same groups as those of read_case_sums, of the cases of a key or within legal entities: these are added up themselves.
WITH chosen AS MATERIALIZED (
    SELECT c.id, c.fingerprint, c.owner, c.opened_at, c.money FROM tallystick.cases c
    WHERE c.is_open = $1
      AND ($2::text IS NULL OR c.failure_class = $2)
      AND ($3::text IS NULL OR c.owner = $3 OR (c.owner IS NULL AND c.failure_class = ANY ($4::text[])))
      AND ($5::text IS NULL OR c.assignee = $5)
      AND ($6::text IS NULL OR c.entity = $6)
      AND ($7::text IS NULL OR c.key = $7)
      AND ($8::text IS NULL OR c.fingerprint = $8)
      AND ($12::text[] IS NULL OR c.entity = ANY ($12))
      AND ($13::text[] IS NULL OR EXISTS (
               SELECT FROM tallystick.entity e
               WHERE e.entity = c.entity AND e.key = c.key AND e.state ->> 'legal_entity' = ANY ($13)))
), grouped AS (
    SELECT c.fingerprint, c.owner, count(*) AS cases, min(c.opened_at) AS oldest, min(c.id) AS first
    FROM chosen c GROUP BY c.fingerprint, c.owner
    HAVING $10::bigint IS NULL OR (-count(*), min(c.id)) > (-$10::bigint, $11::bigint)
    ORDER BY count(*) DESC, min(c.id) LIMIT $9
), sums AS (
    SELECT c.fingerprint, c.owner, m.key AS currency, sum(m.value::numeric) AS amount
    FROM chosen c CROSS JOIN LATERAL jsonb_each_text(c.money) m GROUP BY 1, 2, 3
)
SELECT g.first, g.fingerprint, f.failure_class, f.code, f.field, f.system, g.owner, g.cases, g.oldest, f.reason,
       (SELECT json_object_agg(s.currency, s.amount::text ORDER BY s.currency)::text FROM sums s
        WHERE s.fingerprint = g.fingerprint AND s.owner IS NOT DISTINCT FROM g.owner) AS money
FROM grouped g JOIN tallystick.cases f ON f.id = g.first
ORDER BY g.cases DESC, g.first
