-- Which of these keys carry this commit id. The lock waits for a transaction that is still in flight.
SELECT e.entity, e.key, e.commit_id
FROM unnest($1::text[], $2::text[]) k(entity, key)
JOIN tallystick.entity e ON e.entity = k.entity AND e.key = k.key
ORDER BY e.entity, e.key
FOR NO KEY UPDATE OF e
