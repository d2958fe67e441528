-- Differences of run $1 behind number $2, of kind $3, that run $4 has too or not ($5); null: whatever it is.
SELECT d.number, d.body
FROM tallystick.recon_difference d
WHERE d.run = $1 AND d.number > $2
  AND ($3::text IS NULL OR d.kind = $3)
  AND ($4::bigint IS NULL
       OR EXISTS (SELECT FROM tallystick.recon_difference o WHERE o.run = $4 AND o.mark = d.mark) = $5::boolean)
ORDER BY d.number LIMIT $6
