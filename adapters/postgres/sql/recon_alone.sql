-- Differences of run $1 behind number $2, of kind $3 or, where that is null, of any, that run $4 does not have. Told apart by their
-- marks alone, in an index.
SELECT d.number, d.body
FROM (
    SELECT m.number FROM tallystick.recon_difference m
    WHERE m.run = $1 AND m.number > $2 AND ($3::text IS NULL OR m.kind = $3)
      AND NOT EXISTS (SELECT FROM tallystick.recon_difference o WHERE o.run = $4 AND o.mark = m.mark)
    ORDER BY m.number LIMIT $5
) found
JOIN tallystick.recon_difference d ON d.run = $1 AND d.number = found.number
ORDER BY d.number
