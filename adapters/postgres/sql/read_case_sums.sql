-- Cases by cause and named owner, the largest groups first, those behind a group of $10 cases from number $11 on; chosen as
-- in read_cases, but by no key and within no legal entity. Read from their sums; the first and the oldest by an index.
WITH sums AS MATERIALIZED (
    SELECT s.fingerprint, s.owner, s.assignee, s.entity, s.currency, sum(s.cases) AS cases, sum(s.amount) AS amount
    FROM tallystick.case_sum s
    WHERE s.is_open = $1
      AND ($2::text IS NULL OR s.failure_class = $2)
      AND ($3::text IS NULL OR s.owner = $3 OR (s.owner = '' AND s.failure_class = ANY ($4::text[])))
      AND ($5::text IS NULL OR s.assignee = $5)
      AND ($6::text IS NULL OR s.entity = $6)
      AND ($7::text IS NULL OR s.fingerprint = $7)
      AND ($8::text[] IS NULL OR s.entity = ANY ($8))
    GROUP BY 1, 2, 3, 4, 5 HAVING sum(s.cases) <> 0
), grouped AS (
    SELECT s.fingerprint, s.owner, sum(s.cases)::bigint AS cases, min(f.id) AS first
    FROM sums s CROSS JOIN LATERAL (
        SELECT c.id FROM tallystick.cases c
        WHERE c.is_open = $1 AND c.fingerprint = s.fingerprint AND COALESCE(c.owner, '') = s.owner
          AND COALESCE(c.assignee, '') = s.assignee AND c.entity = s.entity
        ORDER BY c.id LIMIT 1) f
    WHERE s.currency = ''
    GROUP BY 1, 2
    HAVING $10::bigint IS NULL OR (-sum(s.cases), min(f.id)) > (-$10::bigint, $11::bigint)
    ORDER BY 3 DESC, 4 LIMIT $9
)
SELECT g.first, g.fingerprint, f.failure_class, f.code, f.field, f.system, f.owner, g.cases, f.reason,
       (SELECT min(o.opened_at) FROM sums s CROSS JOIN LATERAL (
            SELECT c.opened_at FROM tallystick.cases c
            WHERE c.is_open = $1 AND c.fingerprint = s.fingerprint AND COALESCE(c.owner, '') = s.owner
              AND COALESCE(c.assignee, '') = s.assignee AND c.entity = s.entity
            ORDER BY c.opened_at LIMIT 1) o
        WHERE s.currency = '' AND s.fingerprint = g.fingerprint AND s.owner = g.owner) AS oldest,
       (SELECT json_object_agg(m.currency, m.amount::text ORDER BY m.currency)::text FROM (
            SELECT s.currency, sum(s.amount) AS amount FROM sums s
            WHERE s.currency <> '' AND s.fingerprint = g.fingerprint AND s.owner = g.owner GROUP BY 1) m) AS money
FROM grouped g JOIN tallystick.cases f ON f.id = g.first
ORDER BY g.cases DESC, g.first
