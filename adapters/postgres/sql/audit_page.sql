-- Acts with numbers below $1, newest first, with their seals. Filters that are null are not asked; an action is one, or a
-- family of them: '/' is the character behind '.'.
SELECT a.id, a.at, a.actor, a.action, a.entity, a.key, a.ref, a.reason, s.place, s.sealed_at, s.previous, s.hash
FROM tallystick.audit a LEFT JOIN tallystick.audit_seal s ON s.act = a.id
WHERE ($1::bigint IS NULL OR a.id < $1)
  AND ($2::text IS NULL OR a.actor = $2)
  AND ($3::text IS NULL OR a.action COLLATE "C" = $3
       OR (a.action COLLATE "C" >= $3 || '.' AND a.action COLLATE "C" < $3 || '/'))
  AND ($4::text IS NULL OR a.entity = $4)
  AND ($5::text IS NULL OR a.key = $5)
  AND ($6::timestamptz IS NULL OR a.at >= $6)
  AND ($7::timestamptz IS NULL OR a.at < $7)
ORDER BY a.id DESC LIMIT $8
