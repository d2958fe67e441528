-- The messages of lanes that have landed, up to $2 lanes, with what was predicted, what became of them, and the keys that
-- have another version than the prediction stood on: of its own key, when the lane was let go on.
SELECT m.number, m.predicted, m.predicted_code, i.verdict, c.code, i.reason, l.why, ARRAY(
           SELECT (r ->> 0) || '/' || (r ->> 1)
           FROM jsonb_array_elements(l.relied) r
           LEFT JOIN tallystick.entity e ON e.entity = r ->> 0 AND e.key = r ->> 1
           WHERE CASE WHEN r ->> 0 = l.entity AND r ->> 1 = l.key THEN l.released_version
                      ELSE COALESCE(e.entity_version, 0) END IS DISTINCT FROM (r ->> 2)::bigint
           ORDER BY (r ->> 0) COLLATE "C", (r ->> 1) COLLATE "C") AS moved
FROM (SELECT * FROM tallystick.replay_lanes($1, $3) n WHERE n.stands = 'landed' ORDER BY n.place LIMIT $2) l
JOIN tallystick.replay_item m ON m.replay = $1 AND m.number BETWEEN l.first AND l.last
LEFT JOIN tallystick.inbox i ON i.ref = m.ref
LEFT JOIN LATERAL (SELECT k.code FROM tallystick.cases k
                   WHERE k.ref = m.ref AND k.closed_at IS NULL AND k.topic IS NULL ORDER BY k.id LIMIT 1) c ON true
ORDER BY m.number
