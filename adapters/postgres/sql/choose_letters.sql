-- Open dead letters of a class, code, and queue, where these are not null, oldest first, behind ($4, $5); with $6 those
-- that stand open since then or before.
SELECT d.first_at, encode(d.digest, 'hex') AS digest
FROM tallystick.dead_letter d
WHERE d.state = 'buried'
  AND ($1::text IS NULL OR d.failure_class = $1)
  AND ($2::text IS NULL OR d.code = $2)
  AND ($3::text IS NULL OR d.queue = $3)
  AND ($4::timestamptz IS NULL OR (d.first_at, d.digest) > ($4, $5::bytea))
  AND ($6::timestamptz IS NULL OR d.opened_at <= $6)
ORDER BY d.first_at, d.digest
LIMIT $7
