-- Differences of run $1 behind number $2, of kind $3 or, where that is null, of any.
SELECT d.number, d.body
FROM tallystick.recon_difference d
WHERE d.run = $1 AND d.number > $2 AND ($3::text IS NULL OR d.kind = $3)
ORDER BY d.number LIMIT $4
