-- Rows of entities. A lane in backoff whose time has come reads as open.
SELECT e.entity, e.key, e.row_version, e.entity_version, e.state::text, e.state_schema,
       CASE WHEN e.lane_state = 'backoff' AND e.retry_at <= now() THEN 'open' ELSE e.lane_state END AS lane_state,
       e.lane_depth, e.lane_tail, e.lane_reason, e.wait_entity, e.wait_key, e.wait_seen, e.patience, e.paused_by, e.cursors::text,
       CASE WHEN e.lane_state = 'backoff' AND e.retry_at > now()
            THEN EXTRACT(epoch FROM e.retry_at - now())::double precision END AS retry_after
FROM unnest($1::text[], $2::text[]) k(entity, key)
JOIN tallystick.entity e ON e.entity = k.entity AND e.key = k.key
