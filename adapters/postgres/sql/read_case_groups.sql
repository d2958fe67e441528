-- The same groups as those of tallystick.case_groups, of the cases of a key or within legal entities: these are added up
-- themselves.
WITH chosen AS MATERIALIZED (
    SELECT c.id, c.fingerprint, c.owner, c.opened_at, c.money FROM tallystick.cases c
    WHERE c.is_open = $1
      AND ($2::text IS NULL OR c.failure_class = $2)
      AND ($3::text IS NULL OR c.owner = $3 OR (c.owner IS NULL AND c.failure_class = ANY ($4::text[])))
      AND ($5::text IS NULL OR c.assignee = $5)
      AND ($6::text IS NULL OR c.entity = $6)
      AND ($7::text IS NULL OR c.key = $7)
      AND ($8::text IS NULL OR c.fingerprint = $8)
      AND ($9::text[] IS NULL OR c.entity = ANY ($9))
      AND ($10::text[] IS NULL OR EXISTS (
               SELECT FROM tallystick.entity e
               WHERE e.entity = c.entity AND e.key = c.key AND e.state ->> 'legal_entity' = ANY ($10)))
), grouped AS (
    SELECT c.fingerprint COLLATE "C" AS fingerprint, COALESCE(c.owner, '') COLLATE "C" AS named, count(*) AS cases
    FROM chosen c GROUP BY 1, 2
    HAVING $11::bigint IS NULL OR (-count(*), c.fingerprint COLLATE "C", COALESCE(c.owner, '') COLLATE "C")
                                  > (-$11::bigint, $12::text, $13::text)
    ORDER BY 3 DESC, 1, 2 LIMIT $14
), sums AS (
    SELECT c.fingerprint, COALESCE(c.owner, '') AS named, m.key AS currency, sum(m.value::numeric) AS amount
    FROM chosen c CROSS JOIN LATERAL jsonb_each_text(c.money) m GROUP BY 1, 2, 3
), oldest AS (
    SELECT DISTINCT ON (c.fingerprint, COALESCE(c.owner, '')) c.fingerprint, COALESCE(c.owner, '') AS named, c.id
    FROM chosen c ORDER BY c.fingerprint, COALESCE(c.owner, ''), c.opened_at, c.id
)
SELECT f.id AS first, g.fingerprint, f.failure_class, f.code, f.field, f.system, f.owner, g.cases, f.reason,
       (SELECT json_object_agg(s.currency, s.amount::text ORDER BY s.currency)::text FROM sums s
        WHERE s.fingerprint = g.fingerprint AND s.named = g.named) AS money, f.opened_at AS oldest
FROM grouped g
JOIN oldest o ON o.fingerprint = g.fingerprint AND o.named = g.named
JOIN tallystick.cases f ON f.id = o.id
ORDER BY g.cases DESC, g.fingerprint, g.named
