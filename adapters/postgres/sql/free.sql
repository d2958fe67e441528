-- Send lanes of one system, in key order, whose head is due and that nobody has the lease for; none while a restore
-- holds them all.
SELECT h.entity, h.key
FROM (SELECT DISTINCT ON (o.entity, o.key) o.entity, o.key, o.state, o.due_at, o.body
      FROM tallystick.outbox o
      WHERE o.system = $1 AND (o.entity, o.key) > ($2, $3)
      ORDER BY o.entity, o.key, o.entity_version, o.index) h
WHERE NOT EXISTS (SELECT FROM tallystick.restore r WHERE r.ended_at IS NULL AND r.released_at IS NULL)
  AND h.state = 'open' AND (h.due_at IS NULL OR h.due_at <= now())
  -- Both asked once: what everything is paused by, and whether anything is.
  AND NOT EXISTS (SELECT FROM tallystick.pause p WHERE p.entity IS NULL AND p.legal_entity IS NULL)
  AND (NOT EXISTS (SELECT FROM tallystick.pause) OR NOT tallystick.is_paused(h.entity, h.key, h.body))
  AND NOT EXISTS (SELECT FROM tallystick.lease l WHERE l.system = $1 AND l.entity = h.entity AND l.key = h.key)
ORDER BY h.entity, h.key
LIMIT $4
