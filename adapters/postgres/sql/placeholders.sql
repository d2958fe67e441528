-- Rows for keys that were never written, so that they can be locked; waits for a transaction that is making them.
INSERT INTO tallystick.entity (entity, key)
SELECT k.entity, k.key FROM unnest($1::text[], $2::text[]) k(entity, key)
ORDER BY k.entity COLLATE "C", k.key COLLATE "C"
ON CONFLICT DO NOTHING
