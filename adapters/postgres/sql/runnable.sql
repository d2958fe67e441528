-- Lanes whose head may run: open, or in backoff whose time has come. An external key's lane runs when it is bound.
SELECT e.entity, e.key, e.row_version
FROM tallystick.entity e
WHERE e.lane_depth > 0
  AND (e.lane_state = 'open' OR (e.lane_state = 'backoff' AND e.retry_at <= now()))
  AND (e.entity, e.key) > ($1, $2)
ORDER BY e.entity, e.key
LIMIT $3
