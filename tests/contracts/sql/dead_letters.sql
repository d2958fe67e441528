-- Digests, and how often each was seen.
SELECT digest, seen FROM tallystick.dead_letter ORDER BY digest
