-- Cases by cause and named owner, the largest groups first, those behind a group of $10 cases from number $11 on; chosen as
-- in read_cases, but by no key and within no legal entity. Read from their sums, in one pass without joins, as nobody knows
-- how many groups there are; the first and the oldest of a kind by an index.
WITH kinds AS (
    SELECT s.kind, s.fingerprint, s.owner, s.currency, sum(s.cases) AS cases, sum(s.amount) AS amount,
           CASE WHEN s.currency = '' THEN (
               SELECT c.id FROM tallystick.cases c WHERE c.kind = s.kind ORDER BY c.id LIMIT 1) END AS first
    FROM tallystick.case_sum s
    WHERE s.is_open = $1
      AND ($2::text IS NULL OR s.failure_class = $2)
      AND ($3::text IS NULL OR s.owner = $3 OR (s.owner = '' AND s.failure_class = ANY ($4::text[])))
      AND ($5::text IS NULL OR s.assignee = $5)
      AND ($6::text IS NULL OR s.entity = $6)
      AND ($7::text IS NULL OR s.fingerprint = $7)
      AND ($8::text[] IS NULL OR s.entity = ANY ($8))
    GROUP BY s.kind, s.fingerprint, s.owner, s.currency HAVING sum(s.cases) <> 0
), parts AS (
    SELECT k.fingerprint, k.owner, k.currency, sum(k.cases)::bigint AS cases, sum(k.amount) AS amount,
           min(k.first) AS first, array_agg(k.kind) AS kinds
    FROM kinds k GROUP BY k.fingerprint, k.owner, k.currency
), grouped AS (
    SELECT p.fingerprint, sum(p.cases) FILTER (WHERE p.currency = '')::bigint AS cases, min(p.first) AS first,
           min(p.kinds) FILTER (WHERE p.currency = '') AS kinds,
           (json_object_agg(p.currency, p.amount::text) FILTER (WHERE p.currency <> ''))::text AS money
    FROM parts p
    GROUP BY p.fingerprint, p.owner
    HAVING $10::bigint IS NULL
        OR (-sum(p.cases) FILTER (WHERE p.currency = ''), min(p.first)) > (-$10::bigint, $11::bigint)
    ORDER BY 2 DESC, 3 LIMIT $9
)
SELECT g.first, g.fingerprint, f.failure_class, f.code, f.field, f.system, f.owner, g.cases, f.reason, g.money,
       (SELECT min(o.opened_at) FROM unnest(g.kinds) k(kind) CROSS JOIN LATERAL (
            SELECT c.opened_at FROM tallystick.cases c WHERE c.kind = k.kind ORDER BY c.opened_at LIMIT 1) o) AS oldest
FROM grouped g
CROSS JOIN LATERAL (SELECT * FROM tallystick.cases c WHERE c.id = g.first OFFSET 0) f
ORDER BY g.cases DESC, g.first
