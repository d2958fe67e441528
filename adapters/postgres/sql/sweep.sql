-- Wakes for lanes that wait on an older version than their target has. The commit writes these; this finds what a
-- mistake would have lost.
INSERT INTO tallystick.wake (entity, key, version)
SELECT DISTINCT t.entity, t.key, t.entity_version
FROM tallystick.entity w
JOIN tallystick.entity t ON t.entity = w.wait_entity AND t.key = w.wait_key
WHERE w.wait_entity IS NOT NULL AND w.wait_seen < t.entity_version
ORDER BY t.entity, t.key
ON CONFLICT (entity, key) DO UPDATE SET version = GREATEST(wake.version, EXCLUDED.version)
